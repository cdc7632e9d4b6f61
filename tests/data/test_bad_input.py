"""Broken recordings, from opening to features: they are left out with their reason, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.data.clips import Clip, Dataset
from hwasc.data.features import extract
from hwasc.data.opening import open_dataset
from hwasc.errors import DataError
from hwasc.records.front_end import FrontEnd

FE = FrontEnd.for_clip(16, 9, sample_rate=8000, n_fft=512, window=512)
META = "filename\tscene_label\tidentifier\tsource_label\n"
REASONS = {
    "missing.wav": "missing",
    "empty.wav": "empty file",
    "text.wav": "not audio or truncated (format not recognised)",
    "truncated.wav": "too short: 0.18 s of 1 s",
    "silent.wav": "silent",
    "nan.wav": "NaN or infinite samples",
    "short.wav": "too short: 0.40 s of 1 s",
    "huge.wav": "float samples up to 4e+29: full scale is 1",
}


def noise(seconds: float = 1.0) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(round(8000 * seconds))


def break_files(audio: Path) -> None:
    """Write every file of REASONS except the missing one."""
    (audio / "empty.wav").touch()
    (audio / "text.wav").write_text("no sound")
    soundfile.write(audio / "truncated.wav", noise(), 8000)
    (audio / "truncated.wav").write_bytes((audio / "truncated.wav").read_bytes()[:3000])
    soundfile.write(audio / "silent.wav", np.zeros(8000), 8000)
    broken = noise()
    broken[7] = np.nan
    soundfile.write(audio / "nan.wav", broken, 8000, subtype="FLOAT")
    soundfile.write(audio / "short.wav", noise(0.4), 8000)
    soundfile.write(audio / "huge.wav", noise() * 1e30, 8000, subtype="FLOAT")


@pytest.fixture
def official(tmp_path: Path) -> Dataset:
    """TAU's layout with eight broken training files among 28, lists with carriage returns."""
    audio = tmp_path / "audio"
    audio.mkdir()
    good = [f"{s}{k}.wav" for s in ("bus", "park") for k in range(10)]
    for name in good:
        soundfile.write(audio / name, noise(), 8000)
    break_files(audio)
    scene = {name: "park" if name.startswith("park") else "bus" for name in (*good, *REASONS)}
    rows = [f"audio/{n}\t{s}\t{n}\ta\r\n" for n, s in scene.items()]
    (tmp_path / "meta.csv").write_bytes((META.replace("\n", "\r\n") + "".join(rows)).encode())
    for part, names in (("train", [*good[:8], *good[10:18], *REASONS]), ("evaluate", [*good[8:10], *good[18:]])):
        lines = [f"audio/{n}\t{scene[n]}\r\n" for n in names]
        (tmp_path / f"fold1_{part}.csv").write_bytes(("filename\tscene_label\r\n" + "".join(lines)).encode())
    return open_dataset(tmp_path)


def everything(data: Dataset) -> list[Clip]:
    return [*data.train, *data.validation, *data.test]


def test_official_lists_with_broken_files(official: Dataset, tmp_path: Path) -> None:
    clips = everything(official)
    lines: list[str] = []
    result = extract(clips, official.classes, FE, tmp_path / "cache", max_unreadable=0.5, notify=lines.append)
    assert len(result) == 20 and np.isfinite(result.array).all()
    listing = (result.path.parent / "unreadable.txt").read_text().splitlines()
    assert dict(line.removeprefix("audio/").split("\t") for line in listing) == REASONS
    assert len(lines) == 1 and lines[0].startswith("8 of 28 clips cannot be read and are left out: audio/")


def test_too_many_broken_files_are_refused(official: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError) as e:
        extract(everything(official), official.classes, FE, tmp_path / "cache", max_unreadable=0.1)
    text = str(e.value)
    assert text.startswith("8 of 28 clips cannot be read (28.6%, allowed 10.0%): ") and "fix or remove" in text
    assert "\n" not in text and sum(reason in text for reason in REASONS.values()) == 3


def test_nothing_but_broken_files_is_refused_at_any_share(official: Dataset, tmp_path: Path) -> None:
    clips = [c for c in everything(official) if c.path.name in REASONS]
    with pytest.raises(DataError, match="8 of 8 clips cannot be read"):
        extract(clips, official.classes, FE, tmp_path / "cache", max_unreadable=1.0)


def test_a_folder_with_broken_recordings(tmp_path: Path) -> None:
    root = tmp_path / "scenes"
    for scene in ("bus", "park"):
        (root / scene).mkdir(parents=True)
        for k in range(5):
            soundfile.write(root / scene / f"{k}.wav", noise(6.0 + k), 8000)
    break_files(root / "bus")
    data = open_dataset(root)
    assert any("4 of 17 recordings cannot be used" in note for note in data.notes)  # the others fail only when decoded
    with pytest.raises(DataError, match=r"7 of 8\d clips cannot be read"):
        extract(everything(data), data.classes, FE, tmp_path / "cache")
    result = extract(everything(data), data.classes, FE, tmp_path / "cache", max_unreadable=0.1)
    listing = (result.path.parent / "unreadable.txt").read_text().splitlines()
    expected = {f"bus/{name}": reason for name, reason in REASONS.items() if name != "missing.wav"}
    assert dict(line.split("\t") for line in listing) == expected
    assert len(result) == 80 and {c.scene for c in result.clips} == {"bus", "park"}
