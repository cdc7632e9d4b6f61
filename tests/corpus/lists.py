"""Odd lists: paths that lead out, archives that unpack to far more than they hold, cells without end, and folders of them."""

from __future__ import annotations

import lzma
from pathlib import Path

from hwasc.data import tables, tau
from hwasc.data.layouts import Folder, Options, esc50, speech_commands, table, urbansound8k
from tests.corpus.cases import Case

HEADER = b"filename\tscene_label\tidentifier\tsource_label\n"
ROW = b"audio/a.wav\tpark\trome-1\ta\n"


def read_meta(path: Path) -> object:
    """As official lists are."""
    return tables.read(path, tables.META_COLUMNS, optional=tables.META_COLUMNS[2:])


def read_table(path: Path) -> object:
    """As a table of any columns."""
    return table.read(Folder(path.parent, Options(table=path.name)))


def read_esc50(path: Path) -> object:
    """As ESC-50's table."""
    return esc50.read(placed(path, esc50.TABLE))


def read_urbansound8k(path: Path) -> object:
    """As UrbanSound8K's table."""
    return urbansound8k.read(placed(path, urbansound8k.TABLE))


def read_speech_commands(path: Path) -> object:
    """As a list of Speech Commands."""
    folder = placed(path, "validation_list.txt")
    placed(path, "testing_list.txt")
    return speech_commands.read(folder)


def read_fold(path: Path) -> object:
    """As an official list beside a meta.csv."""
    folder = placed(path, "fold1_train.csv")
    placed(path, "fold1_evaluate.csv")
    (folder.root / "meta.csv").write_bytes(HEADER + ROW)
    return tau.read_lists(folder.root)


def placed(path: Path, name: str) -> Folder:
    """A folder with the file at its place."""
    root = path.parent / f"folder of {path.name}"
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(path.read_bytes())
    return Folder(root)


CASES = [
    Case(name="meta.csv", content=HEADER + ROW, read=read_meta, fine=True),
    Case(name="meta.txt", content=b"audio/a.wav\tpark\naudio/b.wav\tbus\n", read=read_meta, fine=True),
    Case(name="last_column.csv", content=b"scene_label\tfilename\npark\t../a.wav\n", read=read_meta),
    Case(name="cr.csv", content=(HEADER + ROW + b"../../a.wav\tpark\tx\ta\n").replace(b"\n", b"\r"), read=read_meta),
    Case(name="drive.csv", content=HEADER + b"C:\\a.wav\tpark\tx\ta\n", read=read_meta),
    Case(name="absolute.csv", content=HEADER + ROW + b"/etc/passwd\tpark\tx\ta\n", read=read_meta),
    Case(name="bomb.csv.xz", content=lzma.compress(HEADER + bytes(120_000_000), preset=0), read=read_meta),
    Case(name="long_cell.csv", content=HEADER + b"a.wav\t" + b"p" * 200_000 + b"\tx\ta\n", read=read_meta),
    Case(name="open_quote.csv", content=HEADER + b'a.wav\t"park\tx\ta\n' * 3, read=read_meta),
    Case(name="nul.csv", content=HEADER + b"a\0.wav\tpark\tx\ta\n", read=read_meta),
    Case(name="semicolons.csv", content=b'filename;scene_label;note\n"a.wav";park;"x;y"\n', read=read_table, fine=True),
    Case(name="other_columns.csv", content=b"file,label\na.wav,park\n", read=read_table),
    Case(name="parts.csv", content=b"filename,scene_label,split\na.wav,park,7\n", read=read_table),
    Case(name="esc50.csv", content=b"filename,fold,category,src_file\n../../a.wav,1,dog,7\n", read=read_esc50),
    Case(
        name="urban.csv",
        content=b"slice_file_name,fsID,fold,class\na.wav,7,1/../../../..,dog\n",
        read=read_urbansound8k,
    ),
    Case(name="speech.txt", content=b"yes/../../a.wav\n", read=read_speech_commands),
    Case(name="fold.csv", content=b"scene_label\tfilename\npark\t..\\..\\a.wav\n", read=read_fold),
]
