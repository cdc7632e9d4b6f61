"""Folders of recordings: cut into clips and split by location; every mistake is one clear line."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.data.clips import Clip, Dataset
from hwasc.data.opening import open_dataset
from hwasc.errors import DataError, UsageError

META = "filename\tscene_label\tidentifier\tsource_label\n"


def record(path: Path, seconds: float = 2.5, rate: int = 8000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(f"{path.parent.name}/{path.name}".encode()))  # equal ones would be one place
    soundfile.write(path, 0.1 * rng.standard_normal((round(seconds * rate), channels)), rate)


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """`<scene>/<file>`: two scenes, four recordings each."""
    for scene in ("cafe", "street"):
        for k in range(4):
            record(tmp_path / scene / f"{k}.wav")
    return tmp_path


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A meta.csv without official lists: two scenes, three locations with two recordings each."""
    rows = [(s, p, k) for s in ("cafe", "street") for p in range(3) for k in range(2)]
    for s, p, k in rows:
        record(tmp_path / "audio" / f"{s}{p}{k}.wav")
    lines = [f"audio/{s}{p}{k}.wav\t{s}\t{s}-{p}\tphone{k}\n" for s, p, k in rows]
    (tmp_path / "meta.csv").write_text(META + "".join(lines))
    return tmp_path


def all_clips(data: Dataset) -> list[Clip]:
    return [*data.train, *data.validation, *data.test]


def test_scene_folders(scenes: Path) -> None:
    data = open_dataset(scenes)
    assert data.classes == ("cafe", "street") and len(all_clips(data)) == 16
    first = min(all_clips(data), key=lambda c: c.id)
    assert first == Clip(
        id="cafe/0.wav#0",
        path=scenes / "cafe/0.wav",
        start=0.0,
        seconds=1.0,
        scene="cafe",
        location="cafe/0.wav",
        device="unknown",
    )
    assert {c.id for c in all_clips(data)} >= {"cafe/0.wav#1", "street/3.wav#0"}
    for split in (data.train, data.validation, data.test):
        assert {c.scene for c in split} == {"cafe", "street"}
    assert not {c.location for c in data.train} & {c.location for c in (*data.validation, *data.test)}


def test_folds_test_every_clip_once_and_share_no_location(scenes: Path) -> None:
    parts = [open_dataset(scenes, fold=(k, 4), seed=3) for k in (1, 2, 3, 4)]
    tested = [c.id for data in parts for c in data.test]
    assert sorted(tested) == sorted(c.id for c in all_clips(parts[0])) and len(tested) == 16
    for data in parts:
        for split in (data.train, data.validation, data.test):
            assert {c.scene for c in split} == {"cafe", "street"}
        assert len({c.location for c in all_clips(data)}) == sum(
            len({c.location for c in split}) for split in (data.train, data.validation, data.test)
        )
    assert len({ids(data) for data in parts}) == 4


def ids(data: Dataset) -> tuple[tuple[str, ...], ...]:
    """The clips of each split."""
    return tuple(tuple(c.id for c in split) for split in (data.train, data.validation, data.test))


def test_more_folds_than_locations_are_refused(listed: Path) -> None:
    assert len(open_dataset(listed, fold=(3, 3)).test) == 8
    assert "too few locations of 'cafe': 3 can be read, 4 are needed" in message(listed, fold=(1, 4))
    assert "3 can be read, 4 are needed" in message(listed, fold=(1, 2))


def test_ids_of_short_recordings_and_fractional_clips(scenes: Path) -> None:
    assert {c.id for c in all_clips(open_dataset(scenes, seconds=2.0))} >= {"cafe/0.wav", "street/3.wav"}
    data = open_dataset(scenes, seconds=0.3)
    starts = sorted(c.start for c in all_clips(data) if c.location == "cafe/0.wav")
    assert len(starts) == 8 and "cafe/0.wav#0.9" in {c.id for c in all_clips(data)}


def test_splits_depend_on_the_seed_alone(scenes: Path) -> None:
    prints = [ids(open_dataset(scenes, seed=s)) for s in (0, 0, 1, 2, 3)]
    assert prints[0] == prints[1] and len(set(prints)) > 1


def test_nested_folders_formats_hidden_and_other_files(scenes: Path) -> None:
    record(scenes / "cafe" / "rome" / "5.flac", rate=44100, channels=2)
    record(scenes / "street" / "6.ogg", rate=48000)
    (scenes / "cafe" / ".DS_Store").write_text("x")
    (scenes / "cafe" / "notes.txt").write_text("x")
    record(scenes / ".trash" / "a.wav")
    data = open_dataset(scenes)
    assert len(all_clips(data)) == 20 and data.classes == ("cafe", "street")
    assert "files that are not used: 1 not audio; 2 hidden or the system's own" in data.notes


def test_meta_without_lists(listed: Path) -> None:
    data = open_dataset(listed)
    assert len(all_clips(data)) == 24 and {c.device for c in all_clips(data)} == {"phone0", "phone1"}
    locations = [{c.location for c in split} for split in (data.train, data.validation, data.test)]
    assert [len(found) for found in locations] == [2, 2, 2] and len(set.union(*locations)) == 6


def test_broken_recordings_are_not_split_but_listed(scenes: Path) -> None:
    record(scenes / "cafe" / "short.wav", 0.4)
    (scenes / "street" / "text.wav").write_text("no sound")
    data = open_dataset(scenes)
    assert len(all_clips(data)) == 18 and {c.id for c in data.train} >= {"cafe/short.wav", "street/text.wav"}
    assert "2 of 10 recordings cannot be used, first cafe/short.wav (too short: 0.40 s of 1 s)" in data.notes


def message(root: Path, **how: object) -> str:
    with pytest.raises(DataError) as e:
        open_dataset(root, **how)  # type: ignore[arg-type]
    assert "\n" not in str(e.value) and str(root) in str(e.value) and e.value.exit_status == 1
    return str(e.value)


def test_no_folder_and_no_recordings(tmp_path: Path) -> None:
    assert "there is no such data folder" in message(tmp_path / "absent")
    (tmp_path / "file").write_text("x")
    assert "is a file" in message(tmp_path / "file")
    assert "neither a meta.csv nor a scene folder" in message(tmp_path)
    (tmp_path / "cafe").mkdir()
    (tmp_path / "cafe" / "notes.txt").write_text("x")
    assert "neither a meta.csv nor a scene folder" in message(tmp_path)


def test_the_parent_folder_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "meta.csv").write_text(META)
    assert f"did you mean {tmp_path / 'inner'}?" in message(tmp_path)


def test_a_single_scene(tmp_path: Path) -> None:
    for k in range(4):
        record(tmp_path / "cafe" / f"{k}.wav")
    assert "only the scene 'cafe'" in message(tmp_path)


def test_one_recording_per_scene(tmp_path: Path) -> None:
    for scene in ("cafe", "street"):
        record(tmp_path / scene / "a.wav", 30)
    assert "too few locations of 'cafe': 1 can be read, 3 are needed" in message(tmp_path)


def test_too_few_because_of_broken_recordings(scenes: Path) -> None:
    for k in (0, 1):
        (scenes / "cafe" / f"{k}.wav").write_bytes(b"")
    text = message(scenes)
    assert "'cafe': 2 can be read" in text and "2 of 8 recordings cannot be used, first cafe/0.wav (empty file)" in text


def test_missing_files_of_meta_csv(listed: Path) -> None:
    for k in range(2):
        (listed / f"audio/cafe0{k}.wav").unlink()
    assert "2 of 12 files are missing, first audio/cafe00.wav, audio/cafe01.wav" in message(listed)


def test_a_subset_needs_official_lists(scenes: Path) -> None:
    assert "subset 25 needs the official lists" in message(scenes, subset="25")


@pytest.mark.parametrize(
    "arguments",
    [
        {"seconds": 0},
        {"seconds": float("nan")},
        {"validation_share": 0.0},
        {"validation_share": 1.0},
        {"test_share": 2},
    ],
)
def test_arguments_out_of_range(scenes: Path, arguments: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="|".join(arguments)):
        open_dataset(scenes, **arguments)  # type: ignore[arg-type]
