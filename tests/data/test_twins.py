"""Recordings that are the same sound under several names are one place, whatever the order, the format and the cache."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.data import twins
from hwasc.data.clips import Clip, Dataset
from hwasc.data.layouts import Recording
from hwasc.data.opening import open_dataset

RATE = 16_000


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Three scenes of eight recordings; two of them under other names, in another format and at another gain."""
    rng = np.random.default_rng(0)
    root = tmp_path / "data"
    for scene in "abc":
        (root / scene).mkdir(parents=True)
        for k in range(8):
            soundfile.write(root / scene / f"{k}.wav", 0.1 * rng.standard_normal(2 * RATE), RATE)
    shutil.copy(root / "a" / "0.wav", root / "a" / "bytes.wav")
    wave, _ = soundfile.read(root / "b" / "1.wav")
    soundfile.write(root / "b" / "again.flac", wave, RATE)
    soundfile.write(root / "b" / "soft.ogg", 0.5 * wave, RATE)
    return root


def sides(data: Dataset) -> dict[str, str]:
    parts: tuple[tuple[str, tuple[Clip, ...]], ...]
    parts = (("train", data.train), ("validation", data.validation), ("test", data.test))
    return {c.id.partition("#")[0]: name for name, clips in parts for c in clips}


def test_twins_are_on_one_side_of_every_split(scenes: Path) -> None:
    for seed in range(8):
        side = sides(open_dataset(scenes, seed=seed))
        assert side["a/0.wav"] == side["a/bytes.wav"]
        assert side["b/1.wav"] == side["b/again.flac"] == side["b/soft.ogg"]
    for fold in range(1, 4):
        side = sides(open_dataset(scenes, fold=(fold, 3)))
        assert side["b/1.wav"] == side["b/again.flac"] == side["b/soft.ogg"]


def test_the_notes_name_them_and_disagreeing_labels(scenes: Path) -> None:
    (note,) = [n for n in open_dataset(scenes).notes if "different sounds" in n]
    assert "5 recordings hold only 2 different sounds; each sound counts as one place" in note
    assert "a/0.wav = a/bytes.wav, b/1.wav = b/again.flac = b/soft.ogg" in note
    shutil.copy(scenes / "a" / "3.wav", scenes / "c" / "3 copy.wav")
    (line,) = [n for n in open_dataset(scenes).notes if "several labels" in n]
    assert "a/3.wav (a) = c/3 copy.wav (c)" in line and "correct its label" in line
    assert sides(open_dataset(scenes))["a/3.wav"] == sides(open_dataset(scenes))["c/3 copy.wav"]


def test_the_cache_does_not_change_the_data_set(scenes: Path, tmp_path: Path) -> None:
    cold = open_dataset(scenes)
    assert open_dataset(scenes, cache=tmp_path / "cache") == cold == open_dataset(scenes, cache=tmp_path / "cache")


def test_locations_are_united_over_several_twins() -> None:
    names = ("p", "q", "r", "s", "t")
    recordings = [Recording(name=f"{n}{k}", scene="x", location=n) for n in names for k in range(2)]
    sounds = {"p1": 1, "r0": 1, "r1": 2, "s0": 2}
    texts = [f"00{sounds[r.name]:08x}000000{sounds[r.name]:064x}" if r.name in sounds else "" for r in recordings]
    united = twins.unite(recordings, texts)
    assert {r.location for r in united.recordings if r.name[0] in "prs"} == {"p"}
    assert [r.location for r in united.recordings if r.name[0] in "qt"] == ["q", "q", "t", "t"]
    backwards = twins.unite(recordings[::-1], texts[::-1])
    assert backwards.recordings[::-1] == united.recordings and backwards.notes == united.notes


@pytest.mark.parametrize("official", [{"part": "test"}, {"fold": "fold1"}])
def test_an_official_split_stands(official: dict[str, str]) -> None:
    recordings = [Recording(name=n, scene="x", location=n, **(official if n == "a" else {})) for n in ("a", "b")]
    text = f"00{0:08x}000000{7:064x}"
    united = twins.unite(recordings, [text, text])
    assert united.recordings == tuple(recordings) and len(united.groups) == 1
    assert twins.between(united.groups, {"a": "test", "b": "train"}) == [(recordings[1], recordings[0])]
    assert twins.between(united.groups, {"a": "train", "b": "train"}) == []
