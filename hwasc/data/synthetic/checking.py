"""Checking the simulated scenes in the cache against the list of hashes that was written with them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from hwasc.data.hashing import file_hashes
from hwasc.data.synthetic.generate import HASHES, lock_path


def damaged_files(root: Path, cache: Path, progress: Callable[[int, int], None] | None = None) -> list[str]:
    """List the files of a simulated data set whose content is no longer what was written.

    Args:
        root: The data set.
        cache: Folder of the index of hashes: files that did not change since they were hashed are not read.
        progress: Called with the files done and in all.

    Returns:
        Names relative to the folder; the list's own name where it is missing or broken.
    """
    try:
        lines = [line.split("  ", 1) for line in (root / HASHES).read_text(encoding="utf-8").splitlines()]
        written = {name: digest for digest, name in lines}
    except (OSError, ValueError):
        return [HASHES]
    found = file_hashes([os.fspath(root / name) for name in written], cache, progress)
    wrong = [name for name, digest in written.items() if found[os.fspath(root / name)] != digest]
    return wrong if written else [HASHES]


def discard_if_damaged(
    root: Path, cache: Path, say: Callable[[str], None], progress: Callable[[int, int], None] | None = None
) -> None:
    """Remove a simulated data set that is damaged, and say so.

    Args:
        root: The data set; there may be none.
        cache: See `damaged_files`.
        say: Called with the line.
        progress: Called with the files done and in all.
    """
    if not root.exists() or not damaged_files(root, cache, progress):
        return
    with FileLock(lock_path(root)):
        if not root.exists() or not (names := damaged_files(root, cache)):  # another process was faster
            return
        say(
            f"{root}: {len(names):,} files are damaged or of an earlier version, first {names[0]}; the scenes are simulated anew"
        )
        with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as folder:
            os.replace(root, Path(folder) / "damaged")
            shutil.rmtree(Path(folder) / "damaged", ignore_errors=True)
