"""Logits of other programs by clip id: CSV with a header, or npz without pickles; a file or a folder of files."""

from __future__ import annotations

import array
import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwasc.data.arrays import ArrayHeader, read_arrays, read_headers, texts
from hwasc.data.probabilities import as_logits
from hwasc.errors import DataError, UsageError
from hwasc.records.bounded import MIB, read_text, sha256
from hwasc.records.plain_values import listed

SUFFIXES = (".csv", ".tsv", ".txt", ".npz")
ID = "id"
TABLE_BYTES = 512 * MIB  # of a CSV file; TAU 2022's 230,350 clips of ten classes have about 60 MB
UNNAMED = re.compile(r"(?:Unnamed: [0-9]+)?")  # how pandas writes and reads the column of an index without a name
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class LogitTable:
    """Logits by clip id.

    Attributes:
        path: The file or folder.
        rows: Logits of each clip, float32 of shape (classes,) in the order of the data set's classes.
        hash: Hash of all files, 16 hexadecimal digits.
        notes: Sentences about what was found in the files and is not as described.
    """

    path: Path
    rows: dict[str, npt.NDArray[np.float32]]
    hash: str
    notes: tuple[str, ...] = ()

    def missing(self, ids: Sequence[str]) -> list[str]:
        """List the clips that have no logits."""
        return [name for name in ids if name not in self.rows]

    def select(self, ids: Sequence[str], what: str) -> npt.NDArray[np.float32]:
        """Look up the logits of clips.

        Args:
            ids: Ids of the clips.
            what: Name of the split, for the message.

        Returns:
            Logits of shape (len(ids), classes).

        Raises:
            DataError: Some clips have no logits.
        """
        if missing := self.missing(ids):
            raise DataError(
                f"{self.path}: {len(missing):,} of {len(ids):,} {what} clips have no logits, first "
                f"{', '.join(missing[:3])}; a clip's id is its path below the data folder"
            )
        return np.stack([self.rows[name] for name in ids])


@dataclass(frozen=True, kw_only=True)
class _Table:
    """What one file holds: logits of shape (ids, names), and columns that were left out."""

    names: list[str]
    ids: list[str]
    values: npt.NDArray[np.float64]
    notes: list[str] = field(default_factory=list)


def read(path: Path, classes: Sequence[str]) -> LogitTable:
    """Read a file, or every file of a folder.

    A CSV file (comma or tab) has a header with `id` and the class names in any order. An npz file has an array `classes` of
    names, and either arrays `ids` of shape (n,) and `logits` of shape (n, classes), or an array of logits for each clip,
    named by its id. Where all rows of a file are probabilities or percentages, their logarithm is taken.

    Args:
        path: The file or folder.
        classes: Names of the data set's classes.

    Returns:
        The logits of all files.

    Raises:
        UsageError: There is no such file, or the folder has none.
        DataError: A file is broken, too large or for other classes, a clip is given twice, or a number is not finite in float32.
    """
    files = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES) if path.is_dir() else [path]
    if not files or not path.exists():
        raise UsageError(f"{path}: there are no logits ({', '.join(SUFFIXES)})")
    rows: dict[str, npt.NDArray[np.float32]] = {}
    notes: dict[str, list[Path]] = {}
    digest = hashlib.sha256()
    for file in files:
        table = _read_npz(file) if file.suffix == ".npz" else _read_csv(file, classes)
        digest.update(sha256(file).digest())
        order = _order(file, table.names, classes)
        _check_numbers(file, table)
        logits = as_logits(table.values[:, order])
        digest.update(b"logarithm" * logits.changed)
        for note in (*table.notes, *filter(None, [logits.note])):
            notes.setdefault(note, []).append(file)
        for name, row in zip(table.ids, logits.values.astype(np.float32), strict=True):
            if name in rows:
                raise DataError(f"{file}: {name} is given twice")
            rows[name] = row
    said = [f"{f[0]}{f' and {len(f) - 1:,} more files' if len(f) > 1 else ''}: {note}" for note, f in notes.items()]
    return LogitTable(path=path, rows=rows, hash=digest.hexdigest()[:16], notes=tuple(said))


def _check_numbers(file: Path, table: _Table) -> None:
    finite = np.isfinite(table.values)
    if not finite.all():
        raise DataError(f"{file}: logits of {table.ids[int(np.argmin(finite.all(1)))]} are not finite")
    large = np.abs(table.values) > LARGEST
    if large.any():
        row = int(np.argmax(large.any(1)))
        raise DataError(
            f"{file}: logits of {table.ids[row]} are too large for float32 ({np.abs(table.values[row]).max():.3g})"
        )


def _order(file: Path, names: Sequence[str], classes: Sequence[str]) -> list[int]:
    if repeated := [n for i, n in enumerate(names) if n in names[:i]]:
        raise DataError(f"{file}: the class {repeated[0]} is given twice")
    absent, unknown = [c for c in classes if c not in names], [n for n in names if n not in classes]
    if absent:
        raise DataError(
            f"{file}: is for other classes: missing {listed(absent)}; unknown {listed(map(_column, unknown)) or 'none'} "
            f"(expected {listed(classes)})"
        )
    if unknown:
        raise DataError(
            f"{file}: has more than '{ID}' and the classes: {listed(map(_column, unknown))}; delete what is no logit "
            f"(expected {listed(classes)})"
        )
    return [list(names).index(c) for c in classes]


def _column(name: str) -> str:
    return name or "a column without a name"


def _read_csv(file: Path, classes: Sequence[str]) -> _Table:
    try:
        text = read_text(file, "table of logits", TABLE_BYTES)
    except UsageError as e:
        raise DataError(str(e)) from None
    first = text[: text.find("\n")] if "\n" in text else text
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in first else ",", strict=True)
    ids: list[str] = []
    values = array.array("d")
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if header.count(ID) != 1:
            hint = "; name the column of the ids" if "" in header else ""
            found = ", ".join(header[:4])[:200] or "nothing"
            raise DataError(f"{file}: expected a header with '{ID}' and the class names, found {found}{hint}")
        others = [i for i, name in enumerate(header) if name != ID]
        index = _Index(header=header, candidates=[i for i in others if header[i] not in classes])
        used = [i for i in others if i not in index.candidates]
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise DataError(f"{file}: line {reader.line_num} has {len(row)} cells, expected {len(header)}")
            index.see(row, len(ids))
            ids.append(row[header.index(ID)].strip())
            values.extend(float(row[i]) for i in used)
    except csv.Error as e:
        raise DataError(f"{file}: line {reader.line_num}: {e}") from None
    except ValueError as e:
        raise DataError(f"{file}: line {reader.line_num}: {str(e)[:200]}") from None
    left_out = index.found()
    names = [header[i] for i in others if i not in left_out]
    if len(names) > len(used):  # columns that are neither classes nor an index, which `_order` names
        _order(file, names, classes)
    notes = [f"column {header[i] or 'without a name'} numbers the rows and is left out" for i in left_out]
    return _Table(names=names, ids=ids, values=np.array(values).reshape(len(ids), len(used)), notes=notes)


class _Index:
    """Which columns number the rows, as pandas writes its index: any whole numbers without a name; from 0 or 1 on with one.

    Args:
        header: Names of all columns.
        candidates: The columns that are no class.
    """

    def __init__(self, header: Sequence[str], candidates: Sequence[int]) -> None:
        self.candidates = tuple(candidates)
        self._whole = {i for i in candidates if UNNAMED.fullmatch(header[i])}
        self._from = {(i, start) for i in candidates for start in (0, 1)}

    def see(self, row: Sequence[str], number: int) -> None:
        """Look at a row, the `number`-th from 0."""
        for i in self.candidates:
            cell = row[i].strip()
            if not re.fullmatch(r"-?[0-9]{1,18}", cell):
                self._whole.discard(i)
            self._from -= {(i, start) for start in (0, 1) if cell != str(number + start)}

    def found(self) -> list[int]:
        """The columns that every row so far numbers the rows in."""
        return [i for i in self.candidates if i in self._whole or {(i, 0), (i, 1)} & self._from]


def _read_npz(file: Path) -> _Table:
    headers = read_headers(file)
    if "classes" not in headers:
        raise DataError(f"{file}: an array 'classes' with the class names is missing")
    names = texts(read_arrays(file, ["classes"])["classes"], file, "classes")
    if {"ids", "logits"} <= set(headers):
        n, shape = headers["ids"].shape, headers["logits"].shape
        if len(n) != 1 or shape != (*n, len(names)):
            raise DataError(f"{file}: ids of shape {n}, {len(names)} classes and logits of shape {shape} do not fit")
        _check_dtype(file, "logits", headers["logits"])
        arrays = read_arrays(file, ["ids", "logits"])
        return _Table(names=names, ids=texts(arrays["ids"], file, "ids"), values=arrays["logits"].astype(np.float64))
    if one := {"ids", "logits"} & set(headers):
        raise DataError(f"{file}: has an array '{one.pop()}', but not both 'ids' and 'logits'")
    ids = [key for key in headers if key != "classes"]
    for key in ids:
        if headers[key].shape != (len(names),):
            raise DataError(f"{file}: the logits of {key} are not one number for each of the {len(names)} classes")
        _check_dtype(file, key, headers[key])
    arrays = read_arrays(file, ids)
    stacked = np.stack([arrays[key].astype(np.float64) for key in ids]) if ids else np.empty((0, len(names)))
    return _Table(names=names, ids=ids, values=stacked)


def _check_dtype(file: Path, name: str, header: ArrayHeader) -> None:
    if header.dtype.kind not in "fiu":
        raise DataError(f"{file}: '{name}' is {header.dtype}, expected numbers")
