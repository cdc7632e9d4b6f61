"""Writing records and other files: as JSON in one form, whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwasc.errors import HwascError
from hwasc.records import leftovers


def plain(record: Any) -> Any:
    """Convert a record to JSON-ready values: dataclasses to dicts, tuples to lists, paths to strings."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        values = {f.name: plain(getattr(record, f.name)) for f in dataclasses.fields(record)}
        # a record may leave out default values, or add its class's name
        return record.json_form(values) if hasattr(record, "json_form") else values
    if isinstance(record, Mapping):
        return {str(k): plain(v) for k, v in record.items()}
    if isinstance(record, (tuple, list)):
        return [plain(v) for v in record]
    return str(record) if isinstance(record, Path) else record


def canonical(record: Any) -> str:
    """Convert a record to canonical JSON text: sorted keys, no spaces. Equal records give equal texts."""
    return json.dumps(plain(record), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(record: Any, length: int = 12) -> str:
    """Hash a record: SHA-256 of its canonical text.

    Args:
        record: A record, or JSON-ready values.
        length: Hexadecimal digits, 64 at most.

    Returns:
        The first digits of the hash.
    """
    return hashlib.sha256(canonical(record).encode()).hexdigest()[:length]


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file atomically: to a temporary file beside it, to disk, then renamed. Its permissions follow the umask.

    Args:
        path: The file; missing folders are made.
        content: Text, written as UTF-8, or bytes.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # bytes of a file name that are no UTF-8 are shown as in Python, so that the file is UTF-8 all the same
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    handle, aside = leftovers.aside(path)
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write values as indented JSON. The file appears only when it is complete.

    Args:
        path: The file.
        value: A record, or JSON-ready values.

    Raises:
        HwascError: A number is not finite.
    """
    write_whole(path, indented(value, str(path)) + "\n")


def indented(value: Any, where: str) -> str:
    """Convert a record to indented JSON text.

    Args:
        value: A record, or JSON-ready values.
        where: What it is, for messages.

    Returns:
        The text, of several lines.

    Raises:
        HwascError: A number is not finite, which JSON has no form for; it names the key.
    """
    values = plain(value)
    try:
        return json.dumps(values, indent=2, allow_nan=False)
    except ValueError:
        raise HwascError(f"{where}: {_not_finite(values)} is not finite, so that no figure follows from it") from None


def _not_finite(values: Any, key: str = "") -> str:
    """The key of the first number that is not finite; empty where all are."""
    if isinstance(values, float):
        return "" if math.isfinite(values) else key or "the number"
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    return next(filter(None, (_not_finite(v, f"{key}.{k}" if key else str(k)) for k, v in items)), "")
