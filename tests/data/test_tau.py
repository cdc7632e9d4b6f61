"""The official lists: their counts, and lists that contradict each other."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.data import tables
from hwasc.data.clips import Dataset
from hwasc.data.opening import open_dataset
from hwasc.data.tau import SUBSETS, open_tau
from hwasc.errors import DataError, UsageError
from tests.speed import seconds

LISTS = Path(__file__).parents[3] / "shared" / "data" / "tau2022_lists"
needs_lists = pytest.mark.skipif(not LISTS.is_dir(), reason="the official TAU 2022 lists are not here")
META = "filename\tscene_label\tidentifier\tsource_label\n"
LIST = "filename\tscene_label\n"
TRAIN, EVALUATE = "evaluation_setup/fold1_train.csv", "evaluation_setup/fold1_evaluate.csv"


@pytest.fixture(scope="module")
def full() -> Dataset:
    return open_tau(LISTS, look_for_audio=False)


@needs_lists
@pytest.mark.slow
def test_the_official_lists_have_their_published_counts(full: Dataset) -> None:
    assert len(full.classes) == 10 and full.classes == tuple(sorted(full.classes))
    assert len(full.train) + len(full.validation) == 139_620 and len(full.test) == 29_680
    assert any("61,050" in note and "neither" in note for note in full.notes)
    devices = Counter(c.device for c in (*full.train, *full.validation))
    assert devices == {"a": 102_150, "b": 7_490, "c": 7_480, "s1": 7_500, "s2": 7_500, "s3": 7_500}
    assert {c.device for c in full.test} - set(devices) == {"s4", "s5", "s6"}
    meta = tables.read(LISTS / "meta.csv.xz", tables.META_COLUMNS)
    assert len(meta) == 230_350 and len({row[0].rsplit("-", 2)[0] + row[3] for row in meta}) == 23_035


@needs_lists
def test_no_location_is_shared(full: Dataset) -> None:
    train, validation, test = ({c.location for c in s} for s in (full.train, full.validation, full.test))
    assert not train & validation and not train & test and not validation & test
    assert len(train | validation) == 365 and len(test) == 146


@needs_lists
def test_validation_is_a_fifth_of_every_scene(full: Dataset) -> None:
    train, held = Counter(c.scene for c in full.train), Counter(c.scene for c in full.validation)
    assert all(0.17 < held[s] / (held[s] + train[s]) < 0.24 for s in full.classes)


def ids(data: Dataset) -> tuple[tuple[str, ...], ...]:
    """The clips of each split."""
    return tuple(tuple(c.id for c in split) for split in (data.train, data.validation, data.test))


@needs_lists
def test_opening_is_fast_and_reproducible(full: Dataset) -> None:
    again = []
    assert seconds(lambda: again.append(open_tau(LISTS, look_for_audio=False)), attempts=1) < 6  # about 2.3 s alone
    assert ids(again[0]) == ids(full)


@needs_lists
@pytest.mark.slow
def test_subsets_are_nested_and_divide_no_segment() -> None:
    segments: defaultdict[str, int] = defaultdict(int)
    train = [row[0] for row in tables.read(LISTS / "fold1_train.csv.xz", tables.LIST_COLUMNS)]
    for name in train:
        segments[_segment(name)] += 1
    larger = set(train)
    for subset in reversed(SUBSETS):
        names = [row[0] for row in tables.read(LISTS / f"split{subset}.csv.xz", tables.LIST_COLUMNS)]
        assert set(names) < larger and abs(len(names) / len(train) - int(subset) / 100) < 0.01
        assert all(segments[s] == n for s, n in Counter(map(_segment, names)).items())
        larger = set(names)
    data = open_tau(LISTS, subset="25", look_for_audio=False)
    assert len(data.train) + len(data.validation) == 34_900 and len(data.test) == 29_680
    assert any("25 % subset" in note for note in data.notes)


def _segment(name: str) -> str:
    """`audio/airport-lisbon-1000-40000-3-a.wav` without the 3."""
    place, _, device = name.rsplit("-", 2)
    return f"{place}-{device}"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Two scenes with three locations for training and one for evaluation, two clips each; one location in no list."""
    rows = [(s, p, k) for s in ("bus", "park") for p in range(5) for k in range(2)]
    names = {(s, p, k): f"audio/{s}-{p}-{k}.wav" for s, p, k in rows}
    (tmp_path / "evaluation_setup").mkdir()
    (tmp_path / "audio").mkdir()
    for name in names.values():
        (tmp_path / name).touch()
    (tmp_path / "meta.csv").write_text(META + "".join(f"{names[r]}\t{r[0]}\t{r[0]}-{r[1]}\ta\n" for r in rows))
    for part, locations in (("train", (0, 1, 2)), ("evaluate", (3,))):
        text = LIST + "".join(f"{names[r]}\t{r[0]}\n" for r in rows if r[1] in locations)
        (tmp_path / "evaluation_setup" / f"fold1_{part}.csv").write_text(text)
    (tmp_path / "split25.csv").write_text(LIST + "".join(f"{names[r]}\t{r[0]}\n" for r in rows if r[1] in (0, 1)))
    return tmp_path


def test_a_small_set_opens(small: Path) -> None:
    data = open_dataset(small)
    assert data.classes == ("bus", "park") and [data.label(c) for c in data.test] == [0, 0, 1, 1]
    assert (len(data.train), len(data.validation), len(data.test)) == (8, 4, 4)
    assert data.train[0].path == small / data.train[0].id and data.train[0].device == "a"
    assert data.name == small.name and any("4 clips" in n and "neither" in n for n in data.notes)
    subset = open_dataset(small, subset="25")
    assert (len(subset.train), len(subset.validation)) == (4, 4)


def test_folds_are_refused_with_official_lists(small: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.fold: .* official lists"):
        open_dataset(small, fold=(1, 4))


def test_carriage_returns_change_nothing(small: Path) -> None:
    before = ids(open_dataset(small))
    for path in (*small.glob("*.csv"), *small.glob("evaluation_setup/*.csv")):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert ids(open_dataset(small)) == before


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def relabel(root: Path) -> None:
    """Make the evaluation clips of `bus` another scene."""
    for k in (0, 1):
        for path in (root / "meta.csv", root / EVALUATE):
            edit(path, f"bus-3-{k}.wav\tbus", f"bus-3-{k}.wav\ttram")


def merge(root: Path) -> None:
    """Make all training clips of `bus` come from one location."""
    for k in (1, 2):
        edit(root / "meta.csv", f"\tbus\tbus-{k}", "\tbus\tbus-0")


MISTAKES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no meta": (lambda r: (r / "meta.csv").unlink(), "meta.csv is missing"),
    "no train list": (lambda r: (r / TRAIN).unlink(), "fold1_train.csv is missing"),
    "no evaluation list": (lambda r: (r / EVALUATE).unlink(), "fold1_evaluate.csv is missing"),
    "first file absent": (lambda r: (r / "audio/bus-0-0.wav").unlink(), "audio/bus-0-0.wav is missing, 15 of 16"),
    "no audio": (lambda r: shutil.rmtree(r / "audio"), "bus-0-0.wav is missing, none of 16 files checked exist"),
    "not in meta": (lambda r: edit(r / "meta.csv", "bus-1-0.wav", "bus-9-0.wav"), "bus-1-0.wav is not in meta.csv"),
    "other scene": (
        lambda r: edit(r / TRAIN, "bus-1-0.wav\tbus", "bus-1-0.wav\tpark"),
        "is 'park' here and 'bus' in meta.csv",
    ),
    "in both": (lambda r: edit(r / EVALUATE, "bus-3-0", "bus-1-0"), "share 1 clips, first audio/bus-1-0.wav"),
    "shared location": (
        lambda r: edit(r / "meta.csv", "bus-3-0.wav\tbus\tbus-3", "bus-3-0.wav\tbus\tbus-1"),
        "bus-1 is in both",
    ),
    "one location": (merge, "too few locations of 'bus': 1 can be read, 2 are needed"),
    "scene only in evaluation": (relabel, "evaluation list has clips of 'tram'"),
    "empty list": (lambda r: (r / EVALUATE).write_text(LIST), "lists no clips"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes_are_one_clear_line(small: Path, kind: str) -> None:
    break_it, message = MISTAKES[kind]
    break_it(small)
    with pytest.raises(DataError) as e:
        open_dataset(small)
    assert message in str(e.value) and "\n" not in str(e.value)


def test_a_single_scene_is_refused(small: Path) -> None:
    edit(small / "meta.csv", "\tpark\t", "\tbus\t")
    for part in ("train", "evaluate"):
        edit(small / f"evaluation_setup/fold1_{part}.csv", "\tpark", "\tbus")
    with pytest.raises(DataError, match="only the scene 'bus'"):
        open_dataset(small)


@pytest.mark.parametrize("subset", ["5", "30", "../x", ""])
def test_missing_subsets_name_the_existing_ones(small: Path, subset: str) -> None:
    with pytest.raises(DataError, match=r"no list for subset '.*' \(found: 25\)"):
        open_dataset(small, subset=subset)


def test_a_subset_outside_the_training_list_is_refused(small: Path) -> None:
    edit(small / "split25.csv", "bus-1-0", "bus-3-0")
    with pytest.raises(DataError, match=r"1 of its clips are not in fold1_train\.csv, first audio/bus-3-0\.wav"):
        open_dataset(small, subset="25")
