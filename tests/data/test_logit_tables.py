"""Logits of other programs: found by clip id in any order; every mistake is named."""

from __future__ import annotations

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
