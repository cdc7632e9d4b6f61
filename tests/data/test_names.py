"""What looks alike is one name, and what is almost alike is asked about."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.data import names, renaming
from hwasc.data.layouts import Options
from hwasc.data.opening import open_dataset
from hwasc.errors import DataError, UsageError
from hwasc.records.settings import Settings
from tests.data.layouts import fixtures

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
META = "filename\tscene_label\tidentifier\tsource_label\n"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("kitchen ", "kitchen"),
        (" kitchen", "kitchen"),
        ("the  kitchen", "the kitchen"),
        ("the\u00a0kitchen", "the kitchen"),
        ("kit\u200bchen\ufeff", "kitchen"),
        ("kitchen\u200e", "kitchen"),
        (DECOMPOSED, COMPOSED),
        ("\tbus\t", "bus"),
        ("東京\u3000駅", "東京 駅"),
    ],
)
def test_clean(raw: str, name: str) -> None:
    assert names.clean(raw) == name == names.clean(name)
    assert names.note({raw: name}).endswith(f"is taken as '{name}'") and names.note({name: name}) == ""


def test_the_note_shows_what_cannot_be_seen() -> None:
    assert names.note({DECOMPOSED: COMPOSED}) == "'cafe\\u0301' is taken as 'café'"
    assert names.note({"a\u200b": "a"}) == "'a\\u200b' is taken as 'a'"
    assert names.note({f"{c} ": c for c in "abcde"}).endswith("and 2 more names likewise")


@pytest.mark.parametrize(
    "pair",
    [("Kitchen", "kitchen"), ("metro station", "metro_station"), ("a-b", "a b"), ("ＢＵＳ", "bus"), ("straße", "strasse"),
     ("c\u0430fe", "cafe")],
)  # fmt: skip
def test_almost_the_same_names_are_asked_about(pair: tuple[str, str]) -> None:
    with pytest.raises(DataError) as e:
        renaming.settle({*pair, "other"}, {}, "R: scenes")
    text = str(e.value)
    assert all(names.shown(name) in text for name in pair) and "\n" not in text
    one, two = (Settings.load(None, [s]).data.rename for s in re.findall(r"--set '([^']*)'", text))
    assert (
        len(set(renaming.settle(pair, one, "").values())) == 1
        and len(set(renaming.settle(pair, two, "").values())) == 2
    )


def test_names_that_only_share_letters_are_two() -> None:
    distinct = {"flat-11", "flat-1-1", "bus", "busy", "a", "A1"}
    assert renaming.settle(distinct, {}, "") == {n: n for n in distinct}


def by_folders(root: Path, scenes: tuple[str, str]) -> None:
    fixtures.scenes(root, (*scenes, "street"))


def by_table(root: Path, scenes: tuple[str, str]) -> None:
    rows = ""
    for i, scene in enumerate((*scenes, "street")):
        for k in range(4):
            fixtures.record(root / f"{i}{k}.wav")
            rows += f"{i}{k}.wav\t{scene}\tplace {i}{k}\tphone\n"
    (root / "meta.csv").write_text(META + rows)


def by_lists(root: Path, scenes: tuple[str, str]) -> None:
    by_table(root, scenes)
    rows = [line.split("\t")[:2] for line in (root / "meta.csv").read_text().splitlines()[1:]]
    for part in ("train", "evaluate"):
        chosen = [r for r in rows if (r[0][1] == "3") == (part == "evaluate")]
        (root / f"fold1_{part}.csv").write_text(
            "filename\tscene_label\n" + "".join("\t".join(r) + "\n" for r in chosen)
        )


@pytest.mark.parametrize("make", [by_folders, by_table, by_lists])
@pytest.mark.parametrize("second", ["kitchen ", "kit\u200bchen"])
def test_names_that_look_alike_are_one_scene(make: Callable[..., None], second: str, tmp_path: Path) -> None:
    make(tmp_path, ("kitchen", second))
    data = open_dataset(tmp_path)
    assert data.classes == ("kitchen", "street")
    assert any(f"{names.shown(second)} is taken as 'kitchen'" in note for note in data.notes)
    found = [c for split in (data.train, data.validation, data.test) for c in split]
    assert len(found) == 12 and all(c.path.is_file() for c in found)  # files keep their names


@pytest.mark.parametrize("make", [by_folders, by_table, by_lists])
def test_names_that_differ_in_case_are_decided_by_the_user(make: Callable[..., None], tmp_path: Path) -> None:
    make(tmp_path, ("Kitchen", "kitchen"))
    with pytest.raises(DataError, match="'Kitchen' and 'kitchen' are almost the same name"):
        open_dataset(tmp_path)
    one, two = ({"Kitchen": name} for name in ("kitchen", "Kitchen"))
    assert open_dataset(tmp_path, options=Options(rename=one)).classes == ("kitchen", "street")
    assert open_dataset(tmp_path, options=Options(rename=two)).classes == ("Kitchen", "kitchen", "street")
    with pytest.raises(
        UsageError, match=r"data\.rename: no scene, location or device is called 'Kichen', did you mean"
    ):
        open_dataset(tmp_path, options=Options(rename={"Kichen": "kitchen"}))


def test_a_place_with_a_blank_at_its_end_is_on_one_side(tmp_path: Path) -> None:
    by_table(tmp_path, ("kitchen", "cafe"))
    text = (tmp_path / "meta.csv").read_text()
    (tmp_path / "meta.csv").write_text(text.replace("place 01", "place 00 ").replace("place 13", "place 10\u00a0"))
    for seed in range(8):
        data = open_dataset(tmp_path, seed=seed)
        side = {c.id: k for k, split in enumerate((data.train, data.validation, data.test)) for c in split}
        assert side["00.wav"] == side["01.wav"] and side["10.wav"] == side["13.wav"]
    (tmp_path / "meta.csv").write_text(text.replace("place 01", "Place 00"))
    with pytest.raises(DataError, match="locations: 'Place 00' and 'place 00' are almost the same name"):
        open_dataset(tmp_path)
