"""Files of teachers' logits, by clip id and content hash, with a description of the teacher."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwasc.errors import DataError
from hwasc.records.schema import canonical, write_whole

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
    rows = {name: i for i, name in enumerate(_strings(arrays["ids"]))}
    saved_hashes, logits = _strings(arrays["hashes"]), arrays["logits"]
    if not (logits.ndim == 2 and len(rows) == len(saved_hashes) == len(logits)):
        raise DataError(f"{path}: is damaged (its arrays do not fit together); make the logits again")
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


def load_teacher(path: Path) -> TeacherRecord:
    """Load the description of the teacher.

    Raises:
        DataError: The file is missing or broken.
    """
    details = json.loads(_strings(_read(path)["teacher"])[0])
    return TeacherRecord(hash=details["hash"], details=details)


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in ARRAYS}
    except FileNotFoundError:
        raise DataError(f"{path}: there are no such logits; run the teacher first") from None
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as e:
        raise DataError(f"{path}: is damaged ({e}); make the logits again") from None


def _bytes(texts: Sequence[str]) -> npt.NDArray[np.bytes_]:
    return np.array([t.encode("utf-8", "surrogateescape") for t in texts], dtype=np.bytes_)


def _strings(array: npt.NDArray[Any]) -> list[str]:
    return [t.decode("utf-8", "surrogateescape") for t in array.tolist()]
