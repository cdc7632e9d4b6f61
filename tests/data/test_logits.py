"""Logits are found by id and content of the clips; clips that do not match are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwasc.data.logits import load, load_teacher, save
from hwasc.errors import DataError

IDS = ["park/a.wav#0", "park/a.wav#1", "bus/ü.wav"]
HASHES = ["11", "22", "33"]
LOGITS = np.arange(12, dtype=np.float32).reshape(3, 4)
TEACHER = {"name": "wide", "hash": "abc", "seeds": [1, 2]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save(tmp_path / "runs" / "wide.npz", IDS, HASHES, LOGITS, TEACHER)
    return tmp_path / "runs" / "wide.npz"


def test_logits_come_in_the_order_asked_for(path: Path) -> None:
    loaded = load(path, IDS[::-1], HASHES[::-1])
    assert loaded.dtype == np.float32 and np.array_equal(loaded, LOGITS[::-1])
    assert np.array_equal(load(path, IDS[1:2], HASHES[1:2]), LOGITS[1:2])
    assert load(path, [], []).shape == (0, 4)
    teacher = load_teacher(path)
    assert teacher.hash == "abc" and teacher.details == TEACHER


def test_saving_again_replaces_and_leaves_nothing_behind(path: Path) -> None:
    save(path, IDS, HASHES, LOGITS + 1, TEACHER)
    assert np.array_equal(load(path, IDS, HASHES), LOGITS + 1)
    assert [p.name for p in path.parent.iterdir()] == ["wide.npz"]


def test_missing_and_changed_clips_are_named(path: Path) -> None:
    with pytest.raises(DataError, match=r"1 of 2 clips have no logits, first tram/b\.wav"):
        load(path, ["tram/b.wav", IDS[0]], ["44", "11"])
    with pytest.raises(DataError, match=r"1 of 3 clips changed since their logits were made, first park/a\.wav#1"):
        load(path, IDS, ["11", "99", "33"])


@pytest.mark.parametrize("length", [0, 10, 200, -30])
def test_damaged_files_are_named(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match="is damaged"):
        load(path, IDS, HASHES)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are no such logits"):
        load(tmp_path / "absent.npz", IDS, HASHES)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    pickled = np.array([{}], dtype=object)
    np.savez(tmp_path / "pickled.npz", ids=pickled, hashes=pickled, logits=pickled, teacher=pickled)
    np.save(tmp_path / "plain.npy", np.zeros(3))
    for name in ("other.npz", "pickled.npz", "plain.npy"):
        with pytest.raises(DataError, match="is damaged"):
            load(tmp_path / name, IDS, HASHES)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"ids": IDS[:2]}, "do not fit"),
        ({"ids": [IDS[0]] * 3}, "given twice"),
        ({"logits": LOGITS[0]}, "do not fit"),
        ({"logits": LOGITS * np.nan}, "finite"),
        ({"teacher": {"name": "wide"}}, "the hash of the teacher is missing"),
    ],
)
def test_only_valid_logits_are_saved(tmp_path: Path, change: dict[str, object], message: str) -> None:
    what = {"ids": IDS, "hashes": HASHES, "logits": LOGITS, "teacher": TEACHER} | change
    with pytest.raises(ValueError, match=message):
        save(tmp_path / "a.npz", **what)  # type: ignore[arg-type]
    assert not (tmp_path / "a.npz").exists()
