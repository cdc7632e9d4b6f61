"""The record of an export's files with their hashes, so that another export replaces them and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from hwasc import __version__
from hwasc.errors import HwascError, UsageError
from hwasc.records import schema
from hwasc.records.bounded import MIB, read_bytes
from hwasc.records.training_clips import FILE as CLIPS

ABOUT, ABOUT_BYTES = "export.json", 1 * MIB


def refuse_foreign(out: Path) -> None:
    """Refuse to replace what is no export, or was changed since.

    Args:
        out: The folder that is to be written.

    Raises:
        UsageError: It is a file, or holds something that the export would take away.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"{out}: is a file, but the C++ source is a folder; name another --out")
    present = sorted(p for p in out.rglob("*") if not p.is_dir())
    files = _files(out)
    for path in present:
        name = path.relative_to(out).as_posix()
        if name in (ABOUT, CLIPS) and files:
            continue
        if name not in files:
            raise UsageError(f"{out}: holds {name}, which is no part of an export; name a new folder")
        if path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != files[name]:
            raise UsageError(f"{out}: {name} was changed since the export; name a new folder")


def _files(out: Path) -> Mapping[str, str]:
    """Hashes of an export's files by name; none where it is no export."""
    path = out / ABOUT
    if not path.is_file():
        return {}
    try:
        found = schema.parse_json(read_bytes(path, "record of an export", ABOUT_BYTES), str(path))
    except HwascError:
        return {}
    files = found.get("files") if isinstance(found, dict) and found.get("format") == "tflm" else None
    return dict(files) if isinstance(files, dict) else {}


def about_text(contents: Mapping[str, bytes]) -> bytes:
    """Make the record of an export.

    Args:
        contents: Of its files, by name.

    Returns:
        The content of `ABOUT`.
    """
    about = {
        "schema": 1,
        "format": "tflm",
        "hwasc": __version__,
        "files": {name: hashlib.sha256(contents[name]).hexdigest() for name in sorted(contents)},
    }
    return (json.dumps(about, indent=2) + "\n").encode()
