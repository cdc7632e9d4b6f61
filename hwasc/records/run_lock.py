"""One command at a time in a run folder: two searches would write one journal."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from filelock import FileLock, Timeout

from hwasc.errors import HwascError, UsageError
from hwasc.records.leftovers import sweep_files

P = ParamSpec("P")
T = TypeVar("T")
LOCK, HOLDER = ".lock", ".lock.json"


def alone_in_run_folder(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function have its run folder, the argument `run`, for itself (see `locked_run`).

    Args:
        function: What works in a run folder.

    Returns:
        The function.
    """

    @functools.wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> T:
        run = kwargs["run"]
        assert isinstance(run, Path)
        with locked_run(run):
            return function(*args, **kwargs)

    return alone


@contextlib.contextmanager
def locked_run(folder: Path) -> Iterator[None]:
    """Keep a run folder for this process. The system lets it go when the process ends, however it ends.

    Temporary files that killed commands have left in the folder are deleted.

    Args:
        folder: The run folder; made if it is missing.

    Yields:
        None.

    Raises:
        HwascError: Another process works in the folder; it is named.
        UsageError: The folder is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; --run names a folder")
    missing = [parent for parent in folder.parents if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise HwascError(
            f"{folder}: {_holder(folder)} is working in this run folder; wait for it to end, or name another folder with --run"
        ) from None
    except NotImplementedError:  # this file system has no locks
        yield
        return
    try:
        _sign(folder)
        sweep_files(folder, depth=2, all_old=True)
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()
        _take_away_unused(folder, missing)


def _take_away_unused(folder: Path, made: Sequence[Path]) -> None:
    """Delete a folder in which nothing was written, and those that were made for it: the command was refused."""
    if [p.name for p in folder.iterdir()] == [LOCK]:
        (folder / LOCK).unlink()
        folder.rmdir()
        with contextlib.suppress(OSError):  # another command has written there since
            for parent in made:
                parent.rmdir()


def _sign(folder: Path) -> None:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
    about = {
        "process": os.getpid(),
        "machine": platform.node(),
        "command": command,
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    (folder / HOLDER).write_text(json.dumps(about))


def _holder(folder: Path) -> str:
    try:
        about = json.loads((folder / HOLDER).read_text())
        return f"'{about['command']}' (process {about['process']} on {about['machine']}, since {about['since']})"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # it has only just begun
        return "another command"
