"""Formats that are folders: written whole, with a record of their files, so that another export replaces nothing else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwasc import __version__
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.records import schema
from hwasc.records.bounded import MIB, read_bytes
from hwasc.records.leftovers import temporary_folder
from hwasc.records.training_clips import FILE as CLIPS

RECORD_BYTES = 1 * MIB
NO_PART = "which is no part of an export; name a new folder"


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """Compute the SHA-256 of files for the record.

    Args:
        files: Contents by name.

    Returns:
        Digests in hexadecimal by name, in order.
    """
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}


def to_record(format: str, files: Mapping[str, bytes], **about: Any) -> bytes:
    """Make the record of an export, which `read_record` reads.

    Args:
        format: Name of the format.
        files: Contents by name.
        **about: What else it says, JSON-ready.

    Returns:
        Its text.
    """
    record = {"schema": 1, "format": format, "hwasc": __version__, **about, "files": hashes(files)}
    return (json.dumps(record, indent=2) + "\n").encode()


def read_record(out: Path, record: str, format: str) -> Mapping[str, Any]:
    """Read what an export says of itself.

    Args:
        out: The folder.
        record: Name of the record's file in it.
        format: Name of the format.

    Returns:
        The record; its `files` are hashes by name.

    Raises:
        DataError: It is no export of the format, or damaged.
    """
    path = out / record
    try:
        found = schema.parse_json(read_bytes(path, "record of an export", RECORD_BYTES), str(path))
    except HwascError as e:
        raise DataError(f"{e}; expected a folder that `hwasc export --format {format}` wrote") from None
    known = isinstance(found, dict) and found.get("format") == format and found.get("schema") == 1
    if not known or not isinstance(found.get("files"), dict):
        raise DataError(f"{path}: is no record of an export of this version; export again")
    return dict(found)


def refuse_foreign(out: Path, record: str, format: str) -> None:
    """Refuse to replace what is no export, or was changed since.

    Args:
        out: The folder that is to be written.
        record: Name of the record's file in it.
        format: Name of the format.

    Raises:
        UsageError: It is a file, or holds something that the export would take away.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"{out}: is a file, but format {format} is a folder; name another --out")
    present = sorted(p for p in out.rglob("*") if not p.is_dir())
    if not present:
        if any(out.iterdir()):
            raise UsageError(f"{out}: holds folders, which are no part of an export; name a new folder")
        return
    try:
        files = read_record(out, record, format)["files"]
    except DataError:
        raise UsageError(f"{out}: holds {present[0].name}, {NO_PART}") from None
    for path in present:
        name = path.relative_to(out).as_posix()
        if name in (record, CLIPS):
            continue
        if name not in files:
            raise UsageError(f"{out}: holds {name}, {NO_PART}")
        if path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != files[name]:
            raise UsageError(f"{out}: {name} was changed since the export; name a new folder")


def write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder beside its place and move it there; an earlier one is replaced, or stays where that fails.

    Args:
        out: The folder.
        files: Contents by name.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(f".{out.name}.new-", out.parent) as beside:
        made, old = beside / "new", beside / "old"
        for name, content in files.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(content)
        if out.exists():
            os.rename(out, old)
        try:
            os.rename(made, out)
        except OSError:
            if old.exists():
                os.rename(old, out)
            raise
