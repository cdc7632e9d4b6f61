"""Files of teachers' logits, by clip id and content hash, with a description of the teacher."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwasc.data.arrays import read_arrays, read_headers, texts
from hwasc.errors import DataError, UsageError
from hwasc.records.schema import canonical, parse_json, write_whole

ARRAYS = ("ids", "hashes", "logits", "teacher")


@dataclass(frozen=True, kw_only=True)
class TeacherRecord:
    """The teacher of a logits file.

    Attributes:
        hash: Hash of the teacher.
        details: All of its JSON description, the hash included.
    """

    hash: str
    details: Mapping[str, object]


def save(
    path: Path, ids: Sequence[str], hashes: Sequence[str], logits: npt.NDArray[np.float32], teacher: Mapping[str, Any]
) -> None:
    """Write a file of logits. It appears only when it is complete.

    Args:
        path: The npz file.
        ids: Ids of n clips.
        hashes: Content hashes of the clips.
        logits: Logits of shape (n, classes).
        teacher: Description of the teacher for JSON, with its `hash`.

    Raises:
        ValueError: The lengths differ, an id is given twice, logits are not finite, or the teacher has no hash.
    """
    logits = np.asarray(logits, dtype=np.float32)
    if logits.ndim != 2 or not len(ids) == len(hashes) == len(logits):
        raise ValueError(f"{len(ids)} ids, {len(hashes)} hashes and logits of shape {logits.shape} do not fit")
    if len(set(ids)) < len(ids):
        raise ValueError("a clip id is given twice")
    if not np.isfinite(logits).all():
        raise ValueError("logits must be finite")
    if not teacher.get("hash"):
        raise ValueError("the hash of the teacher is missing")
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, ids=_bytes(ids), hashes=_bytes(hashes), logits=logits, teacher=_bytes([canonical(teacher)])
    )
    write_whole(path, buffer.getvalue())


def load(path: Path, ids: Sequence[str], hashes: Sequence[str]) -> npt.NDArray[np.float32]:
    """Load the logits of clips. The file may have more clips, in any order.

    Args:
        path: The npz file.
        ids: Ids of the clips.
        hashes: Content hashes of the clips.

    Returns:
        Logits of the clips in the given order, float32 of shape (len(ids), classes).

    Raises:
        DataError: The file is missing or broken, clips have no logits, or clips have changed since.
    """
    if len(ids) != len(hashes):
        raise ValueError(f"{len(ids)} ids and {len(hashes)} hashes do not fit")
    arrays = _read(path)
    rows = {name: i for i, name in enumerate(texts(arrays["ids"], path, "ids"))}
    saved_hashes, logits = texts(arrays["hashes"], path, "hashes"), arrays["logits"]
    missing = [name for name in ids if name not in rows]
    if missing:
        raise DataError(
            f"{path}: {len(missing):,} of {len(ids):,} clips have no logits, first {missing[0]}; run the teacher again"
        )
    changed = [name for name, h in zip(ids, hashes, strict=True) if saved_hashes[rows[name]] != h]
    if changed:
        raise DataError(
            f"{path}: {len(changed):,} of {len(ids):,} clips changed since their logits were made, first {changed[0]}; "
            "run the teacher again"
        )
    chosen: npt.NDArray[np.float32] = logits[[rows[name] for name in ids]]
    return chosen


def check(path: Path) -> None:
    """Check that a file of logits is as `save` wrote it; each array has a checksum (CRC-32) in the file.

    Raises:
        DataError: The file is missing or damaged.
    """
    _read(path)


def load_teacher(path: Path) -> TeacherRecord:
    """Load the description of the teacher.

    Raises:
        DataError: The file is missing or broken.
    """
    details = _teacher(path, _read(path)["teacher"])
    return TeacherRecord(hash=details["hash"], details=details)


def _read(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    try:
        headers = read_headers(path)
        if absent := [name for name in ARRAYS if name not in headers]:
            raise DataError(f"{path}: the array '{absent[0]}' is missing")
        n, shape, dtype = headers["ids"].shape, headers["logits"].shape, headers["logits"].dtype
        if len(n) != 1 or headers["hashes"].shape != n or len(shape) != 2 or shape[0] != n[0] or dtype != np.float32:
            raise DataError(f"{path}: its arrays do not fit together")
        arrays = read_arrays(path, ARRAYS)
        if not np.isfinite(arrays["logits"]).all():
            raise DataError(f"{path}: logits are not finite")
        if len(set(arrays["ids"].tolist())) < n[0]:
            raise DataError(f"{path}: a clip is given twice")
        _teacher(path, arrays["teacher"])
    except FileNotFoundError:
        raise DataError(f"{path}: there are no such logits; run the teacher first") from None
    except DataError as e:
        raise DataError(f"{path}: is damaged ({str(e).removeprefix(f'{path}: ')}); make the logits again") from None
    return arrays


def _teacher(path: Path, array: npt.NDArray[Any]) -> dict[str, Any]:
    lines = texts(array, path, "teacher")
    try:
        details = parse_json(lines[0] if lines else "", "teacher")
    except UsageError as e:
        raise DataError(f"{path}: {e}") from None
    if not isinstance(details, dict) or not isinstance(details.get("hash"), str):
        raise DataError(f"{path}: the description of the teacher has no hash")
    return details


def _bytes(texts: Sequence[str]) -> npt.NDArray[np.bytes_]:
    return np.array([t.encode("utf-8", "surrogateescape") for t in texts], dtype=np.bytes_)
