"""Logits of other programs: found by clip id in any order; every mistake is named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from hwasc.data import logit_tables
from hwasc.errors import DataError, HwascError

CLASSES = ("bus", "park", "tram")
IDS = ["audio/a.wav", "audio/b.wav#1.0", "audio/c.wav"]
LOGITS = np.arange(9, dtype=np.float32).reshape(3, 3)


def csv_text(separator: str = ",") -> str:
    """Columns and rows in another order than in the data set."""
    order = [2, 0, 1]
    lines = [separator.join(["tram", "id", "bus", "park"])]
    for i in (1, 2, 0):
        row = [str(v) for v in LOGITS[i, order]]
        lines.append(separator.join([row[0], IDS[i], *row[1:]]))
    return "\n".join(lines) + "\n"


@pytest.fixture(params=["comma", "tab", "npz", "npz by clip", "folder"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    kind, back = request.param, [1, 0, 2]
    path = tmp_path / ("l.npz" if "npz" in kind else "l.csv")
    named = {"classes": np.array(CLASSES)[back]}
    if kind == "npz":
        np.savez(path, ids=np.array(IDS)[::-1], logits=LOGITS[::-1][:, back], **named)
    elif kind == "npz by clip":
        np.savez(path, **named, **{i: row[back] for i, row in zip(IDS, LOGITS, strict=True)})  # type: ignore[arg-type]
    elif kind == "folder":
        folder = tmp_path / "logits"
        folder.mkdir()
        (folder / "notes.md").write_text("not logits")
        (folder / "1.csv").write_text("\n".join(csv_text().splitlines()[:3]))
        np.savez(folder / "2.npz", ids=np.array(IDS[:1]), logits=LOGITS[:1], classes=np.array(CLASSES))
        return folder
    else:
        path.write_text(csv_text("," if kind == "comma" else "\t"))
    return path


def test_every_format_gives_the_same_rows(written: Path) -> None:
    table = logit_tables.read(written, CLASSES)
    np.testing.assert_array_equal(table.select(IDS, "train"), LOGITS)
    np.testing.assert_array_equal(table.select(IDS[::-1], "train"), LOGITS[::-1])
    assert table.select(IDS, "train").dtype == np.float32 and len(table.hash) == 16
    with pytest.raises(DataError, match=r"2 of 4 train clips have no logits, first x.wav, y.wav; a clip's id"):
        table.select(["x.wav", IDS[0], "y.wav", IDS[1]], "train")


def test_the_hash_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text(csv_text())
    before = logit_tables.read(path, CLASSES).hash
    path.write_text(csv_text().replace("8.0", "8.5"))
    assert logit_tables.read(path, CLASSES).hash != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header with 'id'"),
        ("clip,bus,park,tram\n", "expected a header with 'id'"),
        ("id,bus,park\na,1,2\n", "missing tram; unknown none"),
        ("id,bus,park,metro\na,1,2,3\n", "missing tram; unknown metro"),
        ("id,bus,park,tram\na,1,2\n", "line 2 has 3 cells, expected 4"),
        ("id,bus,park,tram\na,1,2,x\n", "line 2: could not convert string to float: 'x'"),
        ("id,bus,park,tram\na,1,2,nan\n", "logits of a are not finite"),
        ("id,bus,park,tram\na,1,2,3\n\na,1,2,3\n", "a is given twice"),
    ],
)
def test_broken_tables_are_explained(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        logit_tables.read(tmp_path / "l.csv", CLASSES)


def test_broken_npz_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "l.npz"
    for arrays, message in (
        ({"ids": np.array(IDS), "logits": LOGITS}, "'classes' with the class names is missing"),
        ({"ids": np.array(IDS), "logits": LOGITS[:2], "classes": np.array(CLASSES)}, "do not fit"),
        (
            {"a": np.ones(2), "classes": np.array(CLASSES)},
            "the logits of a are not one number for each of the 3 classes",
        ),
        ({"a": np.array([print], object), "classes": np.array(CLASSES)}, "cannot be read as npz"),  # a pickle
    ):
        np.savez(path, **arrays)  # type: ignore[arg-type]
        with pytest.raises(DataError, match=message):
            logit_tables.read(path, CLASSES)
    path.write_bytes(b"garbage")
    with pytest.raises(DataError, match="cannot be read as npz"):
        logit_tables.read(path, CLASSES)
    (tmp_path / "empty").mkdir()
    for absent in (tmp_path / "empty", tmp_path / "none.csv"):
        with pytest.raises(HwascError, match="there are no logits"):
            logit_tables.read(absent, CLASSES)


def shares_of(logits: np.ndarray) -> np.ndarray:
    """The probabilities that logits stand for."""
    values = np.exp(logits - logits.max(1, keepdims=True))
    return values / values.sum(1, keepdims=True)


@pytest.mark.parametrize("kind", ["csv", "percent", "npz", "npz by clip", "folder"])
def test_probabilities_are_taken_as_what_they_are(tmp_path: Path, kind: str) -> None:
    logits = np.random.default_rng(0).normal(0, 2, (3, 3))
    shares, path = shares_of(logits), tmp_path / ("l.npz" if "npz" in kind else "l.csv")
    if kind == "npz":
        np.savez(path, ids=np.array(IDS), logits=shares, classes=np.array(CLASSES))
    elif kind == "npz by clip":
        np.savez(path, classes=np.array(CLASSES), **dict(zip(IDS, shares, strict=True)))  # type: ignore[arg-type]
    elif kind == "folder":
        path = tmp_path / "l"
        path.mkdir()
        for i, row in zip(IDS, shares, strict=True):  # a file for each clip
            (path / f"{i.split('/')[1]}.csv").write_text(f"id,{','.join(CLASSES)}\n{i},{','.join(map(str, row))}\n")
    else:
        scale = 100 if kind == "percent" else 1
        rows = [",".join([i, *map(str, row * scale)]) for i, row in zip(IDS, shares, strict=True)]
        path.write_text("\n".join([f"id,{','.join(CLASSES)}", *rows]))
    table = logit_tables.read(path, CLASSES)
    np.testing.assert_allclose(shares_of(table.select(IDS, "train")), shares, atol=1e-6)
    assert len(table.notes) == 1 and "not logits; their logarithm is used" in table.notes[0]
    assert ("2 more files" in table.notes[0]) == (kind == "folder")


def test_the_hash_knows_what_was_done(tmp_path: Path) -> None:
    """The same bytes gave other logits before probabilities were recognised."""
    path = tmp_path / "l.csv"
    path.write_text("id,bus,park,tram\na,0.5,0.25,0.25\n")
    as_shares = logit_tables.read(path, CLASSES).hash
    digest = hashlib.sha256(hashlib.sha256(path.read_bytes()).digest()).hexdigest()[:16]
    assert as_shares != digest
    path.write_text("id,bus,park,tram\na,5,0.25,0.25\n")
    assert (
        logit_tables.read(path, CLASSES).hash
        == hashlib.sha256(hashlib.sha256(path.read_bytes()).digest()).hexdigest()[:16]
    )


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("", ["0", "1", "2"]),
        ("Unnamed: 0", ["0", "1", "2"]),
        ("", ["7", "3", "5"]),  # the index of a sorted table
        ("row", ["0", "1", "2"]),  # index_label
        ("", ["1", "2", "3"]),  # as R numbers rows
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_an_index_of_pandas_is_left_out(tmp_path: Path, header: str, cells: list[str], last: bool) -> None:
    lines = csv_text().splitlines()
    with_index = [
        [*line.split(","), cell] if last else [cell, *line.split(",")]
        for line, cell in zip(lines, [header, *cells], strict=True)
    ]
    path = tmp_path / "l.csv"
    path.write_text("\n".join(",".join(row) for row in with_index))
    table = logit_tables.read(path, CLASSES)
    np.testing.assert_array_equal(table.select(IDS, "train"), LOGITS)
    assert table.notes == (f"{path}: column {header or 'without a name'} numbers the rows and is left out",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "id,bus,park,tram,split\na,1,2,3,train\n",
            "has more than 'id' and the classes: split; delete what is no logit",
        ),
        ("id,bus,park,tram,\na,1,2,3,x\nb,1,2,3,y\n", "the classes: a column without a name"),
        ("id,bus,park,tram,fold\na,1,2,3,3\nb,1,2,3,1\n", "the classes: fold"),
        ("id,bus,park,tram,bus\na,1,2,3,4\n", "the class bus is given twice"),
        ("id,bus,park,,tram\na,1,2,x\n", "line 2 has 4 cells, expected 5"),
        (",bus,park,tram\na,1,2,3\n", "found , bus, park, tram; name the column of the ids"),
        ("id,bus,park,tram\na,1,2,1e300\n", r"logits of a are too large for float32 \(1e\+300\)"),
        ("id,bus,park,tram\na,1,2,1e999\n", "logits of a are not finite"),
        ("id,bus,park,tram\na,1,2,3+1j\n", "line 2: could not convert"),
        ("id,bus,park,tram\n" + "a" * 140_000 + ",1,2,3\n", "line 2: field larger than field limit"),
        ('id,bus,park,tram\n"a,1,2,3\n', "unexpected end of data"),
        ("id,bus,park,tram\na,1,2,\0\n", "line 2"),
    ],
)
def test_tables_that_are_refused_name_the_column_or_the_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(DataError, match=said) as e:
        logit_tables.read(tmp_path / "l.csv", CLASSES)
    assert "\n" not in str(e.value) and "missing none" not in str(e.value) and len(str(e.value)) < 500


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        (LOGITS.astype(complex), "'logits' is complex128, expected numbers"),
        (LOGITS.astype(str), "'logits' is <U"),
        (LOGITS.astype(bool), "'logits' is bool"),
        (LOGITS.astype("M8[s]"), "'logits' is datetime64"),
        (LOGITS.astype(np.float64) + 1e300, "too large for float32"),
        (LOGITS[0], "do not fit"),
        (LOGITS[:, :2], "do not fit"),
    ],
)
def test_arrays_that_are_no_logits(tmp_path: Path, logits: np.ndarray, said: str) -> None:
    np.savez(tmp_path / "l.npz", ids=np.array(IDS), logits=logits, classes=np.array(CLASSES))
    with pytest.raises(DataError, match=said):
        logit_tables.read(tmp_path / "l.npz", CLASSES)
    if logits.shape == (3, 3):
        rows = dict(zip(IDS, logits, strict=True))
        np.savez(tmp_path / "l.npz", classes=np.array(CLASSES), **rows)  # type: ignore[arg-type]
        with pytest.raises(DataError, match=said.replace("'logits' is", "is")):
            logit_tables.read(tmp_path / "l.npz", CLASSES)


def test_large_tables_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "l.csv").open("wb") as file:
        file.truncate(logit_tables.TABLE_BYTES + 1)
    with pytest.raises(DataError, match="is too large for a table of logits"):
        logit_tables.read(tmp_path / "l.csv", CLASSES)
