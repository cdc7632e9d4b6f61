"""What an exported folder says of itself, and the refusal to replace one that holds anything else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwasc.deploy.firmware import folder
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.records import schema
from hwasc.records.bounded import MIB, read_bytes
from hwasc.records.training_clips import FILE as CLIPS

ABOUT_BYTES = 1 * MIB


def read_about(out: Path) -> Mapping[str, Any]:
    """Read what an export says of itself.

    Args:
        out: The folder.

    Returns:
        `hwasc`, `tag`, `options`, `files` and, where it is known, `clips`.

    Raises:
        DataError: It is no export in C, or damaged.
    """
    path = out / folder.ABOUT
    try:
        found = schema.parse_json(read_bytes(path, "record of a C export", ABOUT_BYTES), str(path))
    except HwascError as e:
        raise DataError(f"{e}; expected a folder that `hwasc export --format c` wrote") from None
    known = isinstance(found, dict) and found.get("format") == "c" and found.get("schema") == 1
    if not known or not all(isinstance(found.get(key), dict) for key in ("options", "files")):
        raise DataError(f"{path}: is no record of a C export of this version; export again")
    return dict(found)


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
        raise UsageError(f"{out}: is a file, but the C source is a folder; name another --out")
    present = sorted(p for p in out.rglob("*") if not p.is_dir())
    if not present:
        if any(out.iterdir()):
            raise UsageError(f"{out}: holds folders, which are no part of an export; name a new folder")
        return
    try:
        files = read_about(out)["files"]
    except DataError:
        raise UsageError(f"{out}: holds {present[0].name}, which is no part of an export; name a new folder") from None
    for path in present:
        name = path.relative_to(out).as_posix()
        if name in (folder.ABOUT, CLIPS):
            continue
        if name not in files:
            raise UsageError(f"{out}: holds {name}, which is no part of an export; name a new folder")
        if path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != files[name]:
            raise UsageError(f"{out}: {name} was changed since the export; name a new folder")
