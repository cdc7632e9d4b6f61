"""JSON lines that are appended one at a time and reach the disk; a last line that a crash cut short is dropped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hwasc.errors import HwascError, UsageError
from hwasc.records import schema


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All records of a file, none where there is none yet. What a crash left of the last line is cut off the file.

    Raises UsageError where another line is no JSON.
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
            raise UsageError(f"{path}: line {number} is no JSON; mend it or delete it") from None
        good += len(line)
    if good < sum(map(len, lines)):
        with path.open("rb+") as f:
            f.truncate(good)
    return records


def append_line(path: Path, record: Any, what: str) -> None:
    """Write one record and have it reach the disk; `what` names it where that fails."""
    try:
        with path.open("ab") as f:
            f.write(schema.canonical(record).encode() + b"\n")
            f.flush()
            os.fsync(f.fileno())
    except OSError as e:
        raise HwascError(
            f"{path}: {what} cannot be written ({e.strerror}); free some space and run the same command again: it goes on "
            "from here"
        ) from None
