"""JSON lines files: each line is on disk before the next is written, and a last line that a crash cut short is dropped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hwasc.errors import HwascError, UsageError
from hwasc.records import schema
from hwasc.records.bounded import LINE_BYTES, LINES_BYTES, read_bytes
from hwasc.records.plain_values import named


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read all records of a file. A last line that a crash cut short is removed from the file.

    Args:
        path: The file; there may be none yet.

    Returns:
        The records in order.

    Raises:
        UsageError: Another line is no record, or the file or a line is too large.
    """
    if not path.exists():
        return []
    content = read_bytes(path, "journal", LINES_BYTES)
    *lines, cut = content.split(b"\n")
    records = [_record(line, f"{path}: line {number}") for number, line in enumerate(lines, 1)]
    if cut:
        try:
            records.append(_record(cut, str(path)))
        except UsageError:
            with path.open("rb+") as f:
                f.truncate(len(content) - len(cut))
        else:
            with path.open("ab") as f:  # so that the next line does not go on with this one
                f.write(b"\n")
    return records


def _record(line: bytes, where: str) -> dict[str, Any]:
    try:
        if len(line) > LINE_BYTES:
            raise UsageError(f"{where}: is too long for a record (expected at most {LINE_BYTES:,} bytes)")
        record = schema.parse_json(line, where)
        if not isinstance(record, dict):
            raise UsageError(f"{where}: expected a mapping of keys to values, found {named(record)}")
    except UsageError as e:
        raise UsageError(f"{e}; correct the line or delete it") from None
    return record


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
