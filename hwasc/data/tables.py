"""Reading the lists of a data folder: tab-, comma- or semicolon-separated, with quoted cells, also xz-compressed."""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwasc.audio.reading import AUDIO_SUFFIXES
from hwasc.data.bounded import bounded_text
from hwasc.data.names import clean, note
from hwasc.errors import DataError
from hwasc.suggestion import did_you_mean

META_COLUMNS = ("filename", "scene_label", "identifier", "source_label")
LIST_COLUMNS = ("filename", "scene_label")
SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons"}
UNUSUAL = (
    "\n/",
    "\n.",
    "//",
    "/.",
    "\\",
    ":",
    "\0",
)  # in names, one a line, that are not canonical or may lead outside
CELL = 131_072  # characters of a line or cell, as in the csv module


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """A parsed list.

    Attributes:
        header: Names of the columns.
        columns: Cells of each column.
        numbers: Line number of each row.
        separator: What separates cells.
    """

    header: list[str]
    columns: list[list[str]]
    numbers: Sequence[int]
    separator: str


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


def read(
    path: Path, columns: Sequence[str], optional: Sequence[str] = (), *, notes: list[str] | None = None
) -> list[tuple[str, ...]]:
    """Read a list that has no other columns.

    The first of `columns` is a file name. It is made posix, and must be inside of the data folder. All other cells are cleaned
    (`names.clean`). Line ends may be LF, CRLF or CR. A list whose first line names an audio file has no header: its columns are
    the first of `columns`, in their order.

    Args:
        path: The list.
        columns: Names of the columns.
        optional: Columns that may be missing; they are read as ''.
        notes: Gets a line on cells that had to be cleaned.

    Returns:
        The rows, with cells in the order of `columns`.

    Raises:
        DataError: The file cannot be read, a column is unknown or missing, a row is broken or repeated, or there are no rows.
    """
    cells = _parse(path, columns, dict.fromkeys(columns, ""))
    _check_header(path, cells.header, columns, optional)
    return _rows(path, cells, [c if c in cells.header else "" for c in columns], notes)


def read_columns(
    path: Path, wanted: Mapping[str, str], optional: Sequence[str] = (), *, notes: list[str] | None = None
) -> list[tuple[str, ...]]:
    """Read some columns of any table with a header; other columns are ignored, and named in a note.

    Args:
        path: The table.
        wanted: Name of the column in the table by its name here. The first is a file name.
        optional: Names (here) that may be missing; they are read as ''.
        notes: Gets lines on columns that are ignored and on cells that had to be cleaned.

    Returns:
        The rows, with cells in the order of `wanted`.

    Raises:
        DataError: As for `read`, but for unknown columns.
    """
    cells = _parse(path, list(wanted.values()), wanted)
    missing = [(here, there) for here, there in wanted.items() if there not in cells.header and here not in optional]
    if missing:
        here, there = missing[0]
        advice = did_you_mean(there, cells.header) or f"; name the column that has it: --set data.columns.{here}=NAME"
        raise DataError(
            f"{path}: column '{there}' is missing (the table has {', '.join(filter(None, cells.header))}){advice}"
        )
    repeated = [c for c in wanted.values() if cells.header.count(c) > 1]
    if repeated:
        raise DataError(f"{path}: column '{repeated[0]}' occurs twice in the header; rename one of the two")
    ignored = [c for c in cells.header if c and c not in wanted.values()]
    if ignored and notes is not None:
        notes.append(f"{path.name}: columns that are not used: {', '.join(ignored)}")
    return _rows(path, cells, [c if c in cells.header else "" for c in wanted.values()], notes)


def header(path: Path) -> list[str]:
    """Names of the columns of a table, or [] if it cannot be read as one."""
    try:
        lines = _lines(bounded_text(path))
        return _split(lines[0], _separator(lines[0], ()))[:100] if lines else []
    except DataError:
        return []


def is_headless(cells: Sequence[str]) -> bool:
    """Whether the first line of a list is no header, because it names an audio file."""
    return any(posixpath.splitext(cell)[1].lower() in AUDIO_SUFFIXES for cell in cells)


def confined(name: str, where: str) -> str:
    """Make a listed file name posix, and refuse one that leads out of the data folder.

    Args:
        name: The name as listed, relative to the data folder.
        where: The list and the line, for the message.

    Returns:
        The canonical name.

    Raises:
        DataError: The name is absolute, has a drive letter, climbs out by `..`, or can't be a file's name.
    """
    canonical = posixpath.normpath(name.replace("\\", "/"))  # backslashes: lists written on Windows
    if canonical.startswith(("/", "../")) or canonical == ".." or (canonical[1:2] == ":" and canonical[:1].isalpha()):
        raise DataError(f"{where} leads out of the data folder ({canonical}); paths must be relative to it")
    if "\0" in canonical or canonical == ".":
        raise DataError(f"{where} names no file ({canonical!r})")
    return canonical


def _rows(path: Path, cells: _Cells, order: Sequence[str], notes: list[str] | None) -> list[tuple[str, ...]]:
    """Check and clean whole columns at a time: official lists have 230,000 rows."""
    count = len(cells.numbers)
    if not count:
        raise DataError(f"{path}: lists no clips, only a header")
    columns = [cells.columns[cells.header.index(c)] if c else [""] * count for c in order]
    changed: dict[str, str] = {}
    for k, (name, column) in enumerate(zip(order, columns, strict=True)):
        unique = set(column) if k else ()
        cleaned = {cell: clean(cell) for cell in unique}
        if name and ("" in column or "" in cleaned.values()):
            row = next(i for i, cell in enumerate(column) if not cell.strip())
            raise DataError(f"{path}: line {cells.numbers[row]} has an empty cell")
        if k:
            columns[k] = [cleaned[cell] for cell in column]
            changed |= {raw: new for raw, new in cleaned.items() if raw != new}
    columns[0] = _confine(path, cells.numbers, columns[0])
    if changed and notes is not None:
        notes.append(f"{path.name}: {note(changed)}")
    return list(zip(*columns, strict=True))


def _confine(path: Path, numbers: Sequence[int], names: list[str]) -> list[str]:
    text = "\n" + "\n".join(names)
    if any(mark in text for mark in UNUSUAL):
        names = [confined(n, f"{path}: line {number}") for n, number in zip(names, numbers, strict=True)]
    if len(set(names)) < len(names):
        seen: set[str] = set()
        for name, number in zip(names, numbers, strict=True):
            if name in seen:
                raise DataError(f"{path}: line {number} lists {name} a second time; remove one of the two")
            seen.add(name)
    return names


def _parse(path: Path, columns: Sequence[str], expected: Mapping[str, str]) -> _Cells:
    text = bounded_text(path)
    lines = _lines(text)
    if not lines:
        raise DataError(f"{path}: is empty; expected a header {' '.join(expected)} and one line per clip")
    if len(text) > CELL and len(max(lines, key=len)) > CELL:
        raise DataError(f"{path}: has a line of more than {CELL:,} characters, which is no list of clips")
    separator = _separator(lines[0], columns)
    first = _split(lines[0], separator)
    headless = is_headless(first)
    if headless and len(first) > len(columns):
        raise DataError(f"{path}: has no header and {len(first)} columns; expected a first line {' '.join(expected)}")
    names = list(columns)[: len(first)] if headless else first
    if '"' in text:
        numbers: Sequence[int]
        rows, numbers = _quoted(path, text, separator, skip=not headless)
    else:
        kept, numbers = lines[not headless :], range(2 - headless, len(lines) + 1)
        if {line.count(separator) for line in kept} == {len(first) - 1} and "" not in kept:
            cells = separator.join(kept).split(separator)  # all at once; the usual case
            columns_of = [cells[k :: len(first)] for k in range(len(first))]
            return _Cells(header=names, columns=columns_of, numbers=numbers, separator=separator)
        numbers = [i for i, line in zip(numbers, kept, strict=True) if line.strip()]
        rows = [line.split(separator) for line in kept if line.strip()]
    for number, row in zip(numbers, rows, strict=True):
        if len(row) != len(first):
            what = f"{len(row)} cells, expected {len(first)} separated by {SEPARATORS[separator]}"
            raise DataError(f"{path}: line {number} has {what}")
    return _Cells(
        header=names, columns=[[r[k] for r in rows] for k in range(len(first))], numbers=numbers, separator=separator
    )


def _quoted(path: Path, text: str, separator: str, *, skip: bool) -> tuple[list[list[str]], list[int]]:
    rows, numbers = [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                numbers.append(reader.line_num)
    except csv.Error as e:
        raise DataError(f"{path}: line {reader.line_num} cannot be read ({e}); check its quotes") from None
    return rows[skip:], numbers[skip:]


def _separator(line: str, columns: Sequence[str]) -> str:
    """The separator that gives the most of the columns, or else the most cells; tabs where none does."""
    found = {s: _split(line, s) for s in SEPARATORS}
    return max(found, key=lambda s: (len(set(found[s]) & set(columns)), s == "\t" and s in line, len(found[s])))


def _split(line: str, separator: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        cells = line.split(separator)
    return [cell.strip() for cell in cells]


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n") if text.strip() else []


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
