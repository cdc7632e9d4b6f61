"""Temporary files and folders that tell whose they are, so that the next command can take away those of ended processes."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

OLD = 86_400.0  # s after which a file of another machine is nobody's
YOUNG = 60.0  # s in which a folder may not have its lock yet
OWNED = re.compile(r"\..*\.p(\d+)-([0-9a-f]{8})\.\w+(\.part)?", re.DOTALL)  # named by `aside`
WRITTEN = "json|jsonl|yaml|csv|html|svg|md|safetensors|tflite|onnx|npz|cc|h"
UNOWNED = re.compile(  # named by earlier versions
    rf"\..+\.({WRITTEN})\.[a-z0-9_]{{8}}|tmp[a-z0-9_]{{8}}\.part|.+\.\d+\.part", re.DOTALL
)
UNFINISHED = re.compile(
    r"\.(.+)-[a-z0-9_]{8}", re.DOTALL
)  # folders that get the name in the middle when they are complete
OWNER = ".owner.lock"


def aside(path: Path) -> tuple[int, Path]:
    """Open a new temporary file beside another. Its permissions follow the umask.

    Its name tells which process of which machine it is of.

    Args:
        path: The file that will be replaced by it; its folder exists.

    Returns:
        The file descriptor, and the path.
    """
    name = f".{path.name[:80]}.p{os.getpid()}-{_machine()}.{secrets.token_hex(4)}.part"
    # 0o666 less the umask, which the system subtracts, as for any other new file
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    return os.open(path.with_name(name), flags, 0o666), path.with_name(name)


def sweep_files(folder: Path, depth: int = 1, *, all_old: bool = False) -> None:
    """Delete the temporary files of ended processes.

    Args:
        folder: Where to look; it may be missing.
        depth: Levels of folders below it that are looked through, too.
        all_old: No other process writes here: the files that earlier versions left go as well, however young they are.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    if depth and not entry.name.startswith("."):
                        sweep_files(Path(entry.path), depth - 1, all_old=all_old)
                elif _is_left(entry, all_old):
                    os.unlink(entry.path)


def _is_left(entry: os.DirEntry[str], all_old: bool) -> bool:
    if match := OWNED.fullmatch(entry.name):
        if match[2] == _machine():
            return not _runs(int(match[1]))
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > OLD
    if UNOWNED.fullmatch(entry.name) is None:
        return False
    return all_old or time.time() - entry.stat(follow_symlinks=False).st_mtime > OLD


def sweep_unfinished(folder: Path) -> None:
    """Delete hidden folders that a process was filling when it ended: `.<name>-<random>`, under the lock `.<name>.lock`.

    Args:
        folder: Where to look; it may be missing.
    """
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            match = UNFINISHED.fullmatch(entry.name)
            if match and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError, Timeout), FileLock(Path(folder) / f".{match[1]}.lock", timeout=0):
                    shutil.rmtree(entry.path, ignore_errors=True)


@contextlib.contextmanager
def temporary_folder(prefix: str, parent: Path) -> Iterator[Path]:
    """Make a folder for the time of a block. Those that killed processes of this user have left are deleted first.

    Args:
        prefix: Begin of its name, which only such folders have.
        parent: Where it is made.

    Yields:
        The folder.
    """
    _sweep_folders(prefix, parent)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        with FileLock(folder / OWNER):  # the system lets it go when this process ends, however it ends
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep_folders(prefix: str, parent: Path) -> None:
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(parent)):
            with contextlib.suppress(OSError, Timeout):
                if entry.name.startswith(prefix) and _is_ours(entry):
                    with FileLock(os.path.join(entry.path, OWNER), timeout=0):
                        shutil.rmtree(entry.path, ignore_errors=True)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder of this user that has its lock, or is too old to get one."""
    found = entry.stat(follow_symlinks=False)
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    locked = os.path.exists(os.path.join(entry.path, OWNER))
    return stat.S_ISDIR(found.st_mode) and mine and (locked or time.time() - found.st_mtime > YOUNG)


@functools.lru_cache(maxsize=1)
def _machine() -> str:
    """What process numbers are counted by: the machine since it was started, and the container."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid")]
    return hashlib.blake2b("\n".join(parts).encode(errors="replace"), digest_size=4).hexdigest()


def _runs(process: int) -> bool:
    if process == os.getpid():
        return True
    if os.name != "posix":
        return True  # a signal would end it there; `OLD` files of earlier versions still go
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is of another user
        return True
    return True
