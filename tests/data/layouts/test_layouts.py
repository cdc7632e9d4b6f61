"""Every known layout passes one contract: recognised, scenes, places and folds are right, no place is on two sides."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from hwasc.data import layouts
from hwasc.data.checking import check
from hwasc.data.clips import Clip, Dataset
from hwasc.data.layouts import Folder, Options
from hwasc.data.opening import open_dataset
from hwasc.errors import DataError, UsageError
from tests.data.layouts import fixtures


@dataclass(frozen=True, kw_only=True)
class Known:
    """A tiny data set and what must be read from it."""

    make: Callable[[Path], None]
    layout: str
    scenes: tuple[str, ...]
    files: int
    places: int
    tested: str  # a pattern that the names of all test files match, and of no others
    folds: int = 0
    device: str = "unknown"


SETS = {
    "ESC-50": Known(
        make=fixtures.esc50,
        layout="esc50",
        scenes=("dog", "rain", "sea_waves"),
        files=60,
        places=30,
        tested=r"audio/1-.*",
        folds=5,
    ),
    "UrbanSound8K": Known(
        make=fixtures.urbansound8k,
        layout="urbansound8k",
        scenes=("car_horn", "siren"),
        files=40,
        places=20,
        tested=r"audio/fold1/.*",
        folds=10,
    ),
    "Speech Commands": Known(
        make=fixtures.speech_commands,
        layout="speech_commands",
        scenes=("no", "yes"),
        files=32,
        places=8,
        tested=r".*/0000000[34]_.*",
    ),
    "TUT 2016": Known(
        make=partial(fixtures.tut, identifiers=False),
        layout="official_lists",
        scenes=("beach", "car"),
        files=48,
        places=16,
        tested=r"audio/[bc]00[04]_.*",
        folds=4,
    ),
    "TUT 2017": Known(
        make=partial(fixtures.tut, identifiers=True),
        layout="official_lists",
        scenes=("beach", "car"),
        files=48,
        places=16,
        tested=r"audio/[bc]00[04]_.*",
        folds=4,
    ),
    "TUT 2018": Known(
        make=partial(fixtures.tau, suffix=".txt", header=False),
        layout="official_lists",
        scenes=("airport", "tram"),
        files=48,
        places=16,
        tested=r"audio/\w+-lisbon-[567]-.*",
        device="s1",
    ),
    "TAU 2019 to 2021": Known(
        make=fixtures.tau,
        layout="official_lists",
        scenes=("airport", "tram"),
        files=48,
        places=16,
        tested=r"audio/\w+-lisbon-[567]-.*",
        device="s1",
    ),
    "TAU with a test list alone": Known(
        make=partial(fixtures.tau, evaluate=False),
        layout="official_lists",
        scenes=("airport", "tram"),
        files=48,
        places=16,
        tested=r"audio/\w+-lisbon-[567]-.*",
        device="b",
    ),
    "split folders": Known(
        make=fixtures.split_folders,
        layout="split_folders",
        scenes=("cafe", "park"),
        files=24,
        places=24,
        tested=r"test/.*",
    ),
    "dev and eval": Known(
        make=partial(fixtures.split_folders, parts=("Development", "Evaluation")),
        layout="split_folders",
        scenes=("cafe", "park"),
        files=16,
        places=16,
        tested=r"Evaluation/.*",
    ),
    "split inside": Known(
        make=fixtures.split_inside,
        layout="split_folders",
        scenes=("cafe", "park", "street"),
        files=24,
        places=24,
        tested=r"\w+/Testing/.*",
    ),
    "fold folders": Known(
        make=fixtures.fold_folders,
        layout="fold_folders",
        scenes=("cafe", "park"),
        files=24,
        places=24,
        tested=r"fold_1/.*",
        folds=12,
    ),
    "folds inside": Known(
        make=fixtures.fold_inside,
        layout="fold_folders",
        scenes=("cafe", "park"),
        files=12,
        places=12,
        tested=r"\w+/Fold 1/.*",
        folds=3,
    ),
    "a table with folds": Known(
        make=fixtures.table,
        layout="table",
        scenes=("cafe, small", "park"),
        files=24,
        places=12,
        tested=r"audio/(0|1|6|7|12|13|18|19)\.wav",
        folds=3,
        device="phone",
    ),
}


def clips(data: Dataset) -> list[Clip]:
    return [*data.train, *data.validation, *data.test]


def ids(data: Dataset) -> tuple[tuple[str, ...], ...]:
    """The clips of each split."""
    return tuple(tuple(c.id for c in split) for split in (data.train, data.validation, data.test))


def no_place_is_on_two_sides(data: Dataset) -> bool:
    sides = [{c.location for c in split} for split in (data.train, data.validation, data.test)]
    return all(sides) and sum(map(len, sides)) == len(set.union(*sides))


@pytest.mark.parametrize("known", SETS.values(), ids=SETS)
def test_contract(known: Known, tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    known.make(root)
    assert layouts.recognise(Folder(root)).name == known.layout
    data = open_dataset(root)
    found = clips(data)
    assert data.classes == known.scenes and len(found) == known.files
    assert len({c.location for c in found}) == known.places and no_place_is_on_two_sides(data)
    assert known.device in {c.device for c in found} and all(c.path.is_file() for c in found)
    assert {c.id for c in data.test} == {c.id for c in found if re.fullmatch(known.tested, c.id)}
    for split in (data.train, data.validation, data.test):
        assert {c.scene for c in split} == set(known.scenes)
    assert "official" in data.drawn and open_dataset(root, options=Options(layout=known.layout)) == data
    with pytest.raises(UsageError, match=r"data\.fold: .* official"):
        open_dataset(root, fold=(1, known.folds + 1 if known.folds else 4))
    if known.folds:
        parts = [open_dataset(root, fold=(k, known.folds)) for k in range(1, known.folds + 1)]
        assert sorted(c.id for p in parts for c in p.test) == sorted(c.id for c in found)
        assert ids(parts[0]) == ids(data) and all(map(no_place_is_on_two_sides, parts))
        assert any(f"official fold 1/{known.folds} (" in note for note in data.notes)
    checked = check(root)
    assert not checked.faults and checked.files_by_reason["used"] == known.files
    assert sum(checked.files_by_reason.values()) == sum(p.is_file() for p in root.rglob("*"))


def test_dcase_2013_has_no_official_folds(tmp_path: Path) -> None:
    fixtures.dcase2013(tmp_path)
    for root in (tmp_path, tmp_path / "scenes_stereo"):
        assert layouts.recognise(Folder(root)).name == "dcase2013"
        data = open_dataset(root)
        assert data.classes == ("bus", "busystreet", "tubestation") and len(clips(data)) == 30
        assert no_place_is_on_two_sides(data) and len(open_dataset(root, fold=(1, 5)).test) == 6


def test_cochlscene_keeps_a_contributor_of_the_test_out_of_training(tmp_path: Path) -> None:
    fixtures.cochlscene(tmp_path)
    assert layouts.recognise(Folder(tmp_path)).name == "cochlscene"
    data = open_dataset(tmp_path)
    assert data.classes == ("Bus", "Cafe") and no_place_is_on_two_sides(data)
    assert {c.location for c in data.test} == {"user0004", "user0007", "user0008"}
    assert {c.location for c in data.train} == {"user0001", "user0002", "user0003"}
    assert (
        "4 training clips are left out: their 1 locations are in the official test split too, first user0004"
        in data.notes
    )


def test_urbansound_says_what_is_short(tmp_path: Path) -> None:
    fixtures.urbansound8k(tmp_path)
    fixtures.record(tmp_path / "audio/fold1/101-1-0-0.wav", 0.3)
    data = open_dataset(tmp_path)
    assert any("1 of 40 recordings cannot be used" in note for note in data.notes)


def test_speech_commands_without_lists_are_split_by_speaker(tmp_path: Path) -> None:
    fixtures.speech_commands(tmp_path)
    for name in ("validation_list.txt", "testing_list.txt"):
        (tmp_path / name).unlink()
    data = open_dataset(tmp_path)
    assert no_place_is_on_two_sides(data) and len({c.location for c in clips(data)}) == 8
    assert any("are missing: the official split is not used" in note for note in data.notes)
    assert check(tmp_path).files_by_reason["background noise (_background_noise_), no word"] == 1


def test_lists_of_speech_commands_that_contradict(tmp_path: Path) -> None:
    fixtures.speech_commands(tmp_path)
    text = (tmp_path / "testing_list.txt").read_text()
    (tmp_path / "testing_list.txt").write_text(text + "yes/absent_nohash_0.wav\n")
    with pytest.raises(DataError, match=r"1 files of .* are missing, first yes/absent_nohash_0\.wav"):
        open_dataset(tmp_path)
    (tmp_path / "testing_list.txt").write_text(text + "yes/00000000_nohash_0.wav\n")
    with pytest.raises(DataError, match="is in both lists"):
        open_dataset(tmp_path)
    (tmp_path / "testing_list.txt").unlink()
    with pytest.raises(DataError, match=r"testing_list\.txt is missing beside validation_list\.txt"):
        open_dataset(tmp_path)


def test_a_scene_of_the_test_folder_that_training_lacks(tmp_path: Path) -> None:
    fixtures.split_folders(tmp_path)
    fixtures.record(tmp_path / "test" / "tram" / "0.wav")
    with pytest.raises(DataError, match="the test folder has the scene 'tram', the training folder has not"):
        open_dataset(tmp_path)


def test_a_wanted_layout_must_be_there(tmp_path: Path) -> None:
    fixtures.scenes(tmp_path, ("cafe", "park"))
    with pytest.raises(DataError, match=r"is not laid out as ESC-50 \(data\.layout=esc50\)"):
        open_dataset(tmp_path, options=Options(layout="esc50"))
    with pytest.raises(UsageError, match="there is no layout 'esc-50', did you mean 'esc50'"):
        open_dataset(tmp_path, options=Options(layout="esc-50"))


@pytest.mark.parametrize("make", [fixtures.esc50, fixtures.urbansound8k, fixtures.tau], ids=["esc", "urban", "tau"])
def test_the_folder_above_or_below_is_named(make: Callable[[Path], None], tmp_path: Path) -> None:
    root = tmp_path / "above" / "set"
    root.mkdir(parents=True)
    make(root)
    for named in (root / "audio", tmp_path / "above"):
        with pytest.raises(DataError) as e:
            open_dataset(named)
        assert str(root) in str(e.value).split(";", 1)[1] and "\n" not in str(e.value)


def test_sessions_are_places(tmp_path: Path) -> None:
    for session in "abcd":
        fixtures.scenes(tmp_path / session, ("cafe", "park"))
    data = open_dataset(tmp_path, options=Options(layout="sessions"))
    assert data.classes == ("cafe", "park") and {c.location for c in clips(data)} == set("abcd")
    assert no_place_is_on_two_sides(data)
