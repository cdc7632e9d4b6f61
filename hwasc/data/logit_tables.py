"""Logits of other programs by clip id: CSV with a header, or npz without pickles; a file or a folder of files."""

from __future__ import annotations

import csv
import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwasc.errors import DataError, UsageError

SUFFIXES = (".csv", ".tsv", ".txt", ".npz")
ID = "id"


@dataclass(frozen=True, kw_only=True)
class LogitTable:
    """Logits by clip id.

    Attributes:
        path: The file or folder.
        rows: Logits of each clip, float32 of shape (classes,) in the order of the data set's classes.
        hash: Hash of all files, 16 hexadecimal digits.
    """

    path: Path
    rows: dict[str, npt.NDArray[np.float32]]
    hash: str

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


def read(path: Path, classes: Sequence[str]) -> LogitTable:
    """Read a file, or every file of a folder.

    A CSV file (comma or tab) has a header with `id` and the class names in any order. An npz file has an array `classes` of
    names, and either arrays `ids` of shape (n,) and `logits` of shape (n, classes), or an array of logits for each clip,
    named by its id.

    Args:
        path: The file or folder.
        classes: Names of the data set's classes.

    Returns:
        The logits of all files.

    Raises:
        UsageError: There is no such file, or the folder has none.
        DataError: A file is broken or is for other classes, a clip is given twice, or a number is not finite.
    """
    files = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES) if path.is_dir() else [path]
    if not files or not path.exists():
        raise UsageError(f"{path}: there are no logits ({', '.join(SUFFIXES)})")
    rows: dict[str, npt.NDArray[np.float32]] = {}
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
        names, ids, logits = _read_npz(file) if file.suffix == ".npz" else _read_csv(file)
        order = _order(file, names, classes)
        if logits.shape != (len(ids), len(names)):
            raise DataError(
                f"{file}: {len(ids):,} ids, {len(names)} classes and logits of shape {logits.shape} do not fit"
            )
        if not np.isfinite(logits).all():
            bad = ids[int(np.flatnonzero(~np.isfinite(logits).all(1))[0])]
            raise DataError(f"{file}: logits of {bad} are not finite")
        for name, row in zip(ids, logits[:, order].astype(np.float32), strict=True):
            if name in rows:
                raise DataError(f"{file}: {name} is given twice")
            rows[name] = row
    return LogitTable(path=path, rows=rows, hash=digest.hexdigest()[:16])


def _order(file: Path, names: Sequence[str], classes: Sequence[str]) -> list[int]:
    absent, unknown = [c for c in classes if c not in names], [n for n in names if n not in classes]
    if absent or unknown or len(set(names)) < len(names):
        raise DataError(
            f"{file}: is for other classes: missing {', '.join(absent) or 'none'}; unknown {', '.join(unknown) or 'none'} "
            f"(expected {', '.join(classes)})"
        )
    return [list(names).index(c) for c in classes]


def _read_csv(file: Path) -> tuple[list[str], list[str], npt.NDArray[np.float64]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{file}: cannot be read as text ({e})") from None
    table = list(csv.reader(lines, delimiter="\t" if lines and "\t" in lines[0] else ","))
    header = [cell.strip() for cell in table[0]] if table else []
    if header.count(ID) != 1:
        raise DataError(
            f"{file}: expected a header with '{ID}' and the class names, found {', '.join(header[:4]) or 'nothing'}"
        )
    id_column = header.index(ID)
    ids, values = [], []
    for number, row in enumerate(table[1:], 2):
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(f"{file}: line {number} has {len(row)} cells, expected {len(header)}")
        ids.append(row[id_column].strip())
        try:
            values.append([float(cell) for i, cell in enumerate(row) if i != id_column])
        except ValueError as e:
            raise DataError(f"{file}: line {number}: {e}") from None
    names = [name for i, name in enumerate(header) if i != id_column]
    return names, ids, np.array(values, np.float64).reshape(len(ids), len(names))


def _read_npz(file: Path) -> tuple[list[str], list[str], npt.NDArray[np.float64]]:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if "classes" not in arrays:
                raise DataError(f"{file}: an array 'classes' with the class names is missing")
            names = _texts(arrays["classes"])
            if {"ids", "logits"} <= set(arrays):
                return names, _texts(arrays["ids"]), np.asarray(arrays["logits"], np.float64)
            ids = [key for key in arrays if key != "classes"]
            stacked = [np.asarray(arrays[key], np.float64) for key in ids]
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as e:
        raise DataError(
            f"{file}: cannot be read as npz ({str(e).splitlines()[0] if str(e) else type(e).__name__})"
        ) from None
    if wrong := [key for key, row in zip(ids, stacked, strict=True) if row.shape != (len(names),)]:
        raise DataError(f"{file}: the logits of {wrong[0]} are not one number for each of the {len(names)} classes")
    return names, ids, np.stack(stacked) if stacked else np.empty((0, len(names)))


def _texts(array: npt.NDArray[np.generic]) -> list[str]:
    return [t.decode("utf-8", "surrogateescape") if isinstance(t, bytes) else str(t) for t in array.tolist()]
