"""Reading the tab-separated lists of TAU and DCASE, also xz-compressed."""

from __future__ import annotations

import lzma
import posixpath
import sys
from collections.abc import Sequence
from pathlib import Path

from hwasc.errors import DataError
from hwasc.suggestion import did_you_mean

META_COLUMNS = ("filename", "scene_label", "identifier", "source_label")
LIST_COLUMNS = ("filename", "scene_label")
UNUSUAL = ("//", "/.", "\\", ":", "\n/", "\n.")  # in file names that are not canonical or point outside of their folder


def find(folders: Sequence[Path], name: str) -> Path | None:
    """Find a list in several folders.

    Args:
        folders: The folders, in the order of the search.
        name: File name of the list; it may be followed by `.xz`.

    Returns:
        The first file that exists, or None.
    """
    candidates = (folder / f"{name}{suffix}" for folder in folders for suffix in ("", ".xz"))
    return next((path for path in candidates if path.is_file()), None)


def read(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """Read a list.

    The first column is a file name. It is made posix, and must be inside of the data folder. Line ends may be LF or CRLF.

    Args:
        path: The list.
        columns: Names of the columns.
        optional: Columns that may be missing; they are read as ''.

    Returns:
        The rows, with cells in the order of `columns`.

    Raises:
        DataError: The file cannot be read, a column is unknown or missing, a row is broken or repeated, or there are no rows.
    """
    text = _text(path)
    lines = text.splitlines()
    if not lines:
        raise DataError(f"{path}: is empty; expected a header {' '.join(columns)} and one line per clip")
    header = [c.strip() for c in lines[0].split("\t")]
    _check_header(path, header, columns, optional)
    absent = len(header)  # index of an added empty cell, for missing optional columns
    order = [header.index(c) if c in header else absent for c in columns]
    unusual = any(mark in text for mark in UNUSUAL)  # for speed: 140,000 names need not be checked one by one
    rows: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != len(header):
            if not line.strip():
                continue
            raise DataError(f"{path}: line {number} has {len(cells)} cells, expected {len(header)} separated by tabs")
        if "" in cells:
            raise DataError(f"{path}: line {number} has an empty cell")
        cells.append("")
        name, *others = [cells[i] for i in order]
        if unusual:
            name = _safe_name(path, number, name)
        if name in seen:
            raise DataError(f"{path}: line {number} lists {name} a second time; remove one of the two")
        seen.add(name)
        rows.append((name, *map(sys.intern, others)))
    if not rows:
        raise DataError(f"{path}: lists no clips, only a header")
    return rows


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        return (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such list") from None
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as e:
        raise DataError(f"{path}: cannot be read as a list ({e})") from None


def _check_header(path: Path, header: list[str], columns: Sequence[str], optional: Sequence[str]) -> None:
    expected = f"expected {', '.join(columns)}, separated by tabs"
    for name in header:
        if name not in columns:
            raise DataError(f"{path}: unknown column '{name}'{did_you_mean(name, columns)} ({expected})")
    if len(set(header)) < len(header):
        raise DataError(f"{path}: a column occurs twice in the header ({expected})")
    missing = [c for c in columns if c not in header and c not in optional]
    if missing:
        raise DataError(f"{path}: column '{missing[0]}' is missing ({expected})")


def _safe_name(path: Path, number: int, name: str) -> str:
    name = posixpath.normpath(name.replace("\\", "/"))  # backslashes: lists written on Windows
    if name.startswith(("/", "../")) or name == ".." or name[1:2] == ":":
        raise DataError(f"{path}: line {number} leads out of the data folder ({name}); paths must be relative to it")
    return name
