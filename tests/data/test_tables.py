"""Lists in every form that occurs; every mistake is one clear line."""

from __future__ import annotations

import lzma
import tracemalloc
from pathlib import Path

import pytest

from hwasc.data import bounded, tables
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
        (HEADER + ROW).replace("\n", "\r"),
        (HEADER + ROW).replace("\t", ","),
        (HEADER + ROW).replace("\t", ";"),
        (HEADER + ROW).replace("park", '"park"').replace("filename", '"filename"'),
        (HEADER + ROW).replace("\t", ",").replace("park", '"park"'),
        ROW,
        HEADER + ROW.replace("park", " park  ").replace("rome-1", "rome-1\u00a0"),
        HEADER + ROW.replace("park", "pa\u200brk").replace("\ta\n", "\t\ufeffa\n"),
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
    "bars": ((HEADER + ROW).replace("\t", "|"), "separated by tabs"),
    "open quote": (HEADER + ROW.replace("park", '"park'), "line 2 cannot be read (unexpected end of data)"),
    "long cell": (HEADER + ROW.replace("park", "p" * 140_000), "has a line of more than 131,072 characters"),
    "long quoted cell": (HEADER + ROW.replace("park", '"' + "p\n" * 70_000 + '"'), "field larger than field limit"),
    "blank cell": (HEADER + "audio/a.wav\t  \trome-1\ta\n", "line 2 has an empty cell"),
    "no name": (HEADER + "./\tpark\tx\ta\n", "line 2 names no file"),
    "NUL": (HEADER + "a\0.wav\tpark\tx\ta\n", "line 2 names no file"),
    "five columns, no header": (ROW.replace("\n", "\tx\n"), "has no header and 5 columns"),
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
    "share": (HEADER + "\\\\server\\a.wav\tpark\tx\ta\n", "leads out of the data folder"),
    "not the first column": (
        "scene_label\tfilename\tidentifier\tsource_label\npark\t../a.wav\tx\ta\n",
        "line 2 leads out",
    ),
    "the last column": (
        "scene_label\tidentifier\tsource_label\tfilename\npark\tx\ta\t/etc/a.wav\n",
        "line 2 leads out",
    ),
    "line ends in CR": ((HEADER + ROW + "../a.wav\tpark\tx\ta\n").replace("\n", "\r"), "line 3 leads out"),
    "hidden climb": (HEADER + ROW + "a/./../../b.wav\tpark\tx\ta\n", "line 3 leads out"),
    "quoted climb": (HEADER + ROW + '"../a.wav"\tpark\tx\ta\n', "line 3 leads out"),
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


def test_archives_are_bounded_before_they_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that unpacks to far more than the limit, in one stream and in many, and one that wants a gigabyte to be read."""
    assert bounded.LIMIT <= 100_000_000
    monkeypatch.setattr(bounded, "LIMIT", 1_000_000)
    several = lzma.compress(b"a" * 300_000, preset=0) * 40
    for data in (several, lzma.compress(b"\0" * 12_000_000, preset=0), b"a" * 12_000_000):
        tracemalloc.start()
        with pytest.raises(DataError, match="has more than 1 MB"):
            read(tmp_path, data, "meta.csv.xz" if data[:1] == b"\xfd" else "meta.csv")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        (tmp_path / "meta.csv").unlink(missing_ok=True)
        assert peak < 6_000_000
    wide = lzma.compress(
        (HEADER + ROW).encode(), filters=[{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 30}]
    )
    with pytest.raises(DataError, match="cannot be read as a list"):
        read(tmp_path, wide, "meta.csv.xz")


def test_archives_of_several_streams_are_read(tmp_path: Path) -> None:
    data = lzma.compress(HEADER.encode()) + bytes(8) + lzma.compress(ROW.encode())
    assert read(tmp_path, data, "meta.csv.xz") == [("audio/a.wav", "park", "rome-1", "a")]


def test_what_was_cleaned_is_said(tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_text(HEADER + ROW + ROW.replace("a.wav", "b.wav").replace("park", "park "))
    notes: list[str] = []
    rows = tables.read(tmp_path / "meta.csv", tables.META_COLUMNS, notes=notes)
    assert [row[1] for row in rows] == ["park", "park"] and notes == ["meta.csv: 'park ' is taken as 'park'"]


def test_some_columns_of_any_table(tmp_path: Path) -> None:
    text = "id;file;label;\n1;a.wav;park;\n2;b.wav;;\n"
    (tmp_path / "t.csv").write_text(text.replace("park;", "park;x").replace(";;", ";bus;"))
    notes: list[str] = []
    wanted = {"filename": "file", "scene_label": "label", "identifier": "place"}
    rows = tables.read_columns(tmp_path / "t.csv", wanted, ["identifier"], notes=notes)
    assert rows == [("a.wav", "park", ""), ("b.wav", "bus", "")] and notes == ["t.csv: columns that are not used: id"]
    with pytest.raises(DataError, match=r"column 'place' is missing \(the table has id, file, label\)"):
        tables.read_columns(tmp_path / "t.csv", wanted)
