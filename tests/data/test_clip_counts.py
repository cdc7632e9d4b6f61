"""Files of official lists that are longer than a clip are cut; no header is read where the sizes say enough."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.data import clip_counts
from hwasc.data.checking import check
from hwasc.data.clips import Dataset
from hwasc.data.opening import open_dataset
from tests.data.layouts import fixtures


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """Official lists of 48 files of 1 s."""
    fixtures.tau(tmp_path)
    return tmp_path


def ids(data: Dataset, name: str) -> list[str]:
    return sorted(
        c.id for split in (data.train, data.validation, data.test) for c in split if c.id.partition("#")[0] == name
    )


def test_files_of_one_clip_keep_their_names(listed: Path) -> None:
    data = open_dataset(listed)
    assert not any("#" in c.id for split in (data.train, data.validation, data.test) for c in split)


@pytest.mark.parametrize("seconds", [0.25, 0.5])
def test_every_file_is_cut(listed: Path, seconds: float) -> None:
    data = open_dataset(listed, seconds=seconds)
    count = round(1 / seconds)
    assert len(data.train) + len(data.validation) + len(data.test) == 48 * count
    names = ids(data, "audio/airport-lisbon-0-0-a.wav")
    assert names == [f"audio/airport-lisbon-0-0-a.wav#{k * seconds:g}" for k in range(count)]
    for split in (data.train, data.validation, data.test):
        assert all(c.start + c.seconds <= 1 for c in split) and len(split) % count == 0
    assert any(f"48 of 48 files are cut into clips of {seconds:g} s: {48 * count}" in n for n in data.notes)
    rows = [r for r in check(listed, seconds=seconds).rows if r.group == "all"]
    assert sum(r.clips or 0 for r in rows) == 48 * count


@pytest.mark.parametrize("number", [0, 2, 4])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_single_long_file_among_short_ones(listed: Path, number: int, suffix: str) -> None:
    name = f"audio/airport-lisbon-{number}-{number}-b.wav"
    fixtures.record(listed / f"long.{suffix}", 3.0)
    shutil.copy(listed / f"long.{suffix}", listed / name)
    assert ids(open_dataset(listed), name) == [f"{name}#{k}" for k in range(3)]


@pytest.mark.parametrize("few", [0, 1_000])
def test_files_of_one_size_and_other_rates(listed: Path, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that was switched to half the rate: as large, twice as long."""
    monkeypatch.setattr(clip_counts, "FEW", few)
    rng = np.random.default_rng(0)
    for number in range(8):
        rate = fixtures.RATE // 2 if number % 2 else fixtures.RATE
        soundfile.write(listed / f"audio/tram-lisbon-{number}-{number}-s1.wav", rng.normal(0, 0.1, fixtures.RATE), rate)
    assert len({(listed / f"audio/tram-lisbon-{k}-{k}-s1.wav").stat().st_size for k in range(8)}) == 1
    data = open_dataset(listed)
    for number in range(8):
        assert len(ids(data, f"audio/tram-lisbon-{number}-{number}-s1.wav")) == (2 if number % 2 else 1)


def test_missing_and_broken_files_are_left_to_the_extraction(listed: Path) -> None:
    (listed / "audio/tram-lisbon-1-1-a.wav").unlink()
    (listed / "audio/tram-lisbon-2-2-a.wav").write_bytes(b"no sound")
    data = open_dataset(listed)
    assert len(data.train) + len(data.validation) + len(data.test) == 48


def test_few_headers_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fixtures.record(tmp_path / "one.wav")
    names = [f"{k}.wav" for k in range(400)]
    for name in names:
        (tmp_path / name).hardlink_to(tmp_path / "one.wav")
    monkeypatch.setattr(clip_counts, "FEW", 100)
    read: list[Path] = []
    real = clip_counts.duration
    monkeypatch.setattr(clip_counts, "duration", lambda path: read.append(path) or real(path))
    kinds = {name: (k % 2,) for k, name in enumerate(names)}
    assert clip_counts.long_files(tmp_path, kinds, 1.0) == {} and len(read) == 2 * clip_counts.SAMPLED
    assert clip_counts.long_files(tmp_path, kinds, 0.2) == dict.fromkeys(names, 5)


def test_subsets_take_whole_files(listed: Path) -> None:
    rows = (listed / "evaluation_setup/fold1_train.csv").read_text().splitlines()
    (listed / "split25.csv").write_text(
        "\n".join(rows[:1] + [r for r in rows if "lisbon-0" in r or "lisbon-1" in r]) + "\n"
    )
    data = open_dataset(listed, subset="25", seconds=0.5)
    assert len(data.train) + len(data.validation) == 2 * 12 and len(data.test) == 2 * 18
    assert any("the 25 % subset, 12 of 30 files" in n for n in data.notes)
