"""JSON lines files: each line is on disk before the next is written, and a last line that a crash cut short is dropped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hwasc.errors import HwascError, UsageError
from hwasc.records import schema


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read all records of a file. A last line that a crash cut short is removed from the file.

    Args:
        path: The file; there may be none yet.

    Returns:
        The records in order.

    Raises:
        UsageError: Another line is not JSON.
    """
    if not path.is_file():
        return []
    records, good = [], 0
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            records.append(json.loads(line))
        except ValueError:
            if number == len(lines):
                break
            raise UsageError(f"{path}: line {number} is not JSON; correct it or delete it") from None
        good += len(line)
    if good < sum(map(len, lines)):
        with path.open("rb+") as f:
            f.truncate(good)
    return records


def append_line(path: Path, record: Any, what: str) -> None:
    """Append one record to a file, and wait until it is on disk.

    Args:
        path: The file.
        record: JSON-ready values, or a record.
        what: Its name in messages.

    Raises:
        HwascError: It cannot be written.
    """
    try:
        with path.open("ab") as f:
            f.write(schema.canonical(record).encode() + b"\n")
            f.flush()
            os.fsync(f.fileno())
    except OSError as e:
        raise HwascError(
            f"{path}: {what} cannot be written ({e.strerror}); free some space and run the same command again: it "
            "resumes here"
        ) from None
