"""JSON lines files: each line is on disk before the next is written, and a last line that a crash cut short is dropped.

Each line ends with a checksum (CRC-32) of its other keys, so that a flipped byte is noticed. Lines without one are read, too.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

from hwasc.errors import HwascError, UsageError
from hwasc.records import schema
from hwasc.records.bounded import LINE_BYTES, LINES_BYTES, read_bytes
from hwasc.records.plain_values import named

CHECKSUM = "checksum"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read all records of a file. A last line that a crash cut short is removed from the file.

    Args:
        path: The file; there may be none yet.

    Returns:
        The records in order.

    Raises:
        UsageError: Another line is no record or does not fit its checksum, or the file or a line is too large.
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
        checksum = record.pop(CHECKSUM, None)
        if checksum is not None and checksum != _checksum(schema.canonical(record)):
            raise UsageError(f"{where}: is damaged or was edited (its checksum differs)")
    except UsageError as e:
        raise UsageError(f"{e}; correct the line or delete it") from None
    return record


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def append_line(path: Path, record: Any, what: str) -> None:
    """Append one record to a file, and wait until it is on disk.

    Args:
        path: The file.
        record: JSON-ready values, or a record.
        what: Its name in messages.

    Raises:
        HwascError: It cannot be written.
    """
    text = schema.canonical(record)
    try:
        with path.open("ab") as f:
            f.write(f'{text[:-1]}{"," if len(text) > 2 else ""}"{CHECKSUM}":"{_checksum(text)}"}}\n'.encode())
            f.flush()
            os.fsync(f.fileno())
    except OSError as e:
        raise HwascError(
            f"{path}: {what} cannot be written ({e.strerror}); free some space and run the same command again: it "
            "resumes here"
        ) from None
