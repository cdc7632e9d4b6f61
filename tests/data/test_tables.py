"""Lists in every form that occurs; every mistake is one clear line."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from hwasc.data import tables
from hwasc.errors import DataError

HEADER = "filename\tscene_label\tidentifier\tsource_label\n"
ROW = "audio/a.wav\tpark\trome-1\ta\n"


def read(tmp_path: Path, text: str | bytes, name: str = "meta.csv") -> list[tuple[str, ...]]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return tables.read(path, tables.META_COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        HEADER + ROW,
        (HEADER + ROW).replace("\n", "\r\n"),
        "\ufeff" + HEADER + ROW,
        HEADER + "\n" + ROW + "\n  \n",
        HEADER + ROW.rstrip("\n"),
        HEADER + ROW.replace("audio/", "audio\\"),
        HEADER + ROW.replace("audio/", "./audio/./x/../"),
        "source_label\tfilename\tidentifier\tscene_label\na\taudio/a.wav\trome-1\tpark\n",
    ],
)
def test_reads_the_row(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == [("audio/a.wav", "park", "rome-1", "a")]


def test_reads_xz_and_finds_it(tmp_path: Path) -> None:
    assert read(tmp_path, lzma.compress((HEADER + ROW).encode()), "meta.csv.xz")[0][0] == "audio/a.wav"
    assert tables.find([tmp_path / "absent", tmp_path], "meta.csv") == tmp_path / "meta.csv.xz"
    assert tables.find([tmp_path], "other.csv") is None


def test_an_optional_column_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("filename\naudio/a.wav\n")
    assert tables.read(tmp_path / "list.csv", tables.LIST_COLUMNS, ["scene_label"]) == [("audio/a.wav", "")]


MISTAKES: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", "is empty; expected a header"),
    "header only": (HEADER, "lists no clips"),
    "near column": (HEADER.replace("scene_label", "scene_lable"), "'scene_lable', did you mean 'scene_label'?"),
    "far column": (HEADER.replace("scene_label", "xyz"), "unknown column 'xyz' (expected filename, scene_label, id"),
    "commas": ((HEADER + ROW).replace("\t", ","), "separated by tabs"),
    "missing column": ("filename\tscene_label\tidentifier\na\tb\tc\n", "column 'source_label' is missing"),
    "column twice": (HEADER.replace("identifier", "filename") + ROW, "a column occurs twice"),
    "short row": (HEADER + ROW + "audio/b.wav\tpark\n", "line 3 has 2 cells, expected 4"),
    "empty cell": (HEADER + "audio/a.wav\t\trome-1\ta\n", "line 2 has an empty cell"),
    "duplicate": (HEADER + ROW + ROW, "line 3 lists audio/a.wav a second time"),
    "hidden duplicate": (HEADER + ROW + "./" + ROW, "line 3 lists audio/a.wav a second time"),
    "absolute": (HEADER + "/etc/a.wav\tpark\tx\ta\n", "line 2 leads out of the data folder (/etc/a.wav)"),
    "upwards": (HEADER + "audio/../../a.wav\tpark\tx\ta\n", "line 2 leads out of the data folder (../a.wav)"),
    "windows upwards": (HEADER + "audio\\..\\..\\a.wav\tpark\tx\ta\n", "leads out of the data folder"),
    "parent itself": (HEADER + "..\tpark\tx\ta\n", "leads out of the data folder"),
    "drive": (HEADER + "C:\\a.wav\tpark\tx\ta\n", "leads out of the data folder"),
    "binary": (b"\xff\xfe\x00\x01", "cannot be read as a list"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes(tmp_path: Path, kind: str) -> None:
    text, message = MISTAKES[kind]
    with pytest.raises(DataError) as e:
        read(tmp_path, text)
    assert message in str(e.value) and "\n" not in str(e.value) and str(tmp_path / "meta.csv") in str(e.value)


def test_absent_and_damaged_archives(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such list"):
        tables.read(tmp_path / "meta.csv", tables.META_COLUMNS)
    with pytest.raises(DataError, match="cannot be read as a list"):
        read(tmp_path, lzma.compress(HEADER.encode())[:-9], "meta.csv.xz")
