"""Whether something can be written where the user wants it, looked at before long work rather than after it."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from hwasc.errors import UsageError
from hwasc.records.bounded import reason
from hwasc.records.leftovers import aside


def check_output_file(path: str | Path | None, option: str) -> None:
    """Check that a file can be written. Missing folders are made by whoever writes it, and not here.

    Args:
        path: The file; None: none is asked for.
        option: What the user named it by, e.g. `--html`.

    Raises:
        UsageError: It is a folder, or its folder is none and cannot be made, or cannot be written to.
    """
    if path is None:
        return
    if Path(path).is_dir():
        raise UsageError(f"{option} {path}: is a folder; name a file")
    _try(Path(path).parent, f"{option} {path}")


def check_output_folder(path: str | Path | None, option: str) -> None:
    """Check that files can be written to a folder, which may be missing.

    Args:
        path: The folder; None: none is asked for.
        option: What the user named it by, e.g. `--run`.

    Raises:
        UsageError: It is a file, cannot be made, or cannot be written to.
    """
    if path is None:
        return
    if Path(path).exists() and not Path(path).is_dir():
        raise UsageError(f"{path} is a file; {option} names a folder")
    _try(Path(path), f"{option} {path}")


def _try(folder: Path, what: str) -> None:
    """Write an empty file and take it away again: permissions alone do not tell of every file system."""
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    made: list[Path] = []
    try:
        for parent in reversed(missing):
            parent.mkdir()
            made.append(parent)
        handle, tried = aside(folder / "hwasc")
        os.close(handle)
        tried.unlink()
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # the place is right, and advice differs
        raise UsageError(f"{what}: nothing can be written there ({reason(e)}); name another place") from None
    finally:
        for parent in reversed(made):
            with contextlib.suppress(OSError):
                parent.rmdir()
