"""Teachers' logits on disk, by clip id and content hash, with the teacher they came from; never by row number."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwasc.errors import DataError
from hwasc.records.schema import canonical, write_whole

ARRAYS = ("ids", "hashes", "logits", "teacher")


def save(
    path: Path, ids: Sequence[str], hashes: Sequence[str], logits: npt.NDArray[np.float32], teacher: Mapping[str, Any]
) -> None:
    """Write logits (n, classes) of n clips, whole or not at all. teacher: JSON-ready, with the teacher's own `hash`.

    Raises ValueError: lengths that do not fit, ids given twice, logits that are not finite, a teacher without hash.
    """
    logits = np.asarray(logits, dtype=np.float32)
    if logits.ndim != 2 or not len(ids) == len(hashes) == len(logits):
        raise ValueError(f"{len(ids)} ids, {len(hashes)} hashes and logits of shape {logits.shape} do not fit")
    if len(set(ids)) < len(ids):
        raise ValueError("a clip id is given twice")
    if not np.isfinite(logits).all():
        raise ValueError("logits must be finite")
    if not teacher.get("hash"):
        raise ValueError("the teacher's own hash is missing")
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, ids=_bytes(ids), hashes=_bytes(hashes), logits=logits, teacher=_bytes([canonical(teacher)])
    )
    write_whole(path, buffer.getvalue())


def load(path: Path, ids: Sequence[str], hashes: Sequence[str]) -> npt.NDArray[np.float32]:
    """The logits of these clips, float32 (len(ids), classes), in their order; the file may hold more, in any order.

    Raises DataError: no such file, a broken file, clips without logits, clips whose content changed since.
    """
    if len(ids) != len(hashes):
        raise ValueError(f"{len(ids)} ids and {len(hashes)} hashes do not fit")
    arrays = _read(path)
    rows = {name: i for i, name in enumerate(_strings(arrays["ids"]))}
    kept_hashes, logits = _strings(arrays["hashes"]), arrays["logits"]
    if not (logits.ndim == 2 and len(rows) == len(kept_hashes) == len(logits)):
        raise DataError(f"{path}: is damaged (its arrays do not fit together); make the logits again")
    missing = [name for name in ids if name not in rows]
    if missing:
        raise DataError(
            f"{path}: {len(missing):,} of {len(ids):,} clips have no logits, first {missing[0]}; run the teacher again"
        )
    changed = [name for name, h in zip(ids, hashes, strict=True) if kept_hashes[rows[name]] != h]
    if changed:
        raise DataError(
            f"{path}: {len(changed):,} of {len(ids):,} clips changed since their logits were made, first {changed[0]}; "
            "run the teacher again"
        )
    chosen: npt.NDArray[np.float32] = logits[[rows[name] for name in ids]]
    return chosen


def teacher(path: Path) -> dict[str, Any]:
    """What was saved about the teacher, its `hash` included."""
    record: dict[str, Any] = json.loads(_strings(_read(path)["teacher"])[0])
    return record


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
