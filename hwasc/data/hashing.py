"""Content hashes of files. An index holds them by path, size and time of change, so unchanged files are not read again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock

from hwasc.data.clips import Clip

INDEX = "content.index"
MISSING = "missing"
_SAVE_EVERY = 1000  # files hashed between two writes of the index


def content_hashes(clips: Sequence[Clip], cache: Path, progress: Callable[[int, int], None] | None = None) -> list[str]:
    """Hash each clip by the bytes of its file (blake2b), its start and its length.

    The index in the cache is a text file that only grows, with a line for each file: hash, size, mtime in ns, path. The last
    line of a path counts. Broken lines are skipped, so an interrupted write loses one line. A lock serialises processes.

    Args:
        clips: The clips.
        cache: Folder of the index.
        progress: Called with the files done and in all.

    Returns:
        32 hexadecimal digits for each clip, or `missing`.
    """
    paths = [os.fspath(clip.path) for clip in clips]  # a Path is slow to hash, and takes more memory afterwards
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{INDEX}.lock"):
        files = _file_hashes(list(dict.fromkeys(paths)), cache / INDEX, progress)
    return [_clip_hash(files[path], clip) for path, clip in zip(paths, clips, strict=True)]


def _file_hashes(paths: list[str], index: Path, progress: Callable[[int, int], None] | None) -> dict[str, str]:
    known = _read_index(index)
    hashes: dict[str, str] = {}
    new: list[str] = []
    try:
        for done, path in enumerate(paths, 1):
            name = os.path.abspath(path)
            try:
                stat = os.stat(name)
                stamp = f"{stat.st_size}\t{stat.st_mtime_ns}"
                old_stamp, old_hash = known.get(name, ("", ""))
                if old_stamp != stamp:
                    old_hash = _hash_file(name)
                    if "\n" not in name:
                        new.append(f"{old_hash}\t{stamp}\t{name}\n")
                hashes[path] = old_hash
            except OSError:
                hashes[path] = MISSING
            if len(new) >= _SAVE_EVERY:
                _append(index, new)
            if progress and (done % 100 == 0 or done == len(paths)):
                progress(done, len(paths))
    finally:
        _append(index, new)
    return hashes


def _read_index(index: Path) -> dict[str, tuple[str, str]]:
    known: dict[str, tuple[str, str]] = {}
    if index.exists():
        with index.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            for line in lines:
                cells = line.rstrip("\n").split("\t", 3)
                if line.endswith("\n") and len(cells) == 4 and len(cells[0]) == 32:
                    known[cells[3]] = (f"{cells[1]}\t{cells[2]}", cells[0])
    return known


def _append(index: Path, lines: list[str]) -> None:
    if lines:
        with index.open("a+b") as f:
            if f.tell() > 0:
                f.seek(-1, os.SEEK_END)
                if f.read(1) != b"\n":  # an earlier write was cut off
                    f.write(b"\n")
            f.write("".join(lines).encode("utf-8", "surrogateescape"))
        lines.clear()


def _hash_file(name: str) -> str:
    with open(name, "rb") as f:
        h = hashlib.blake2b(digest_size=16)
        while part := f.read(1 << 20):
            h.update(part)
        return h.hexdigest()


def _clip_hash(file_hash: str, clip: Clip) -> str:
    if file_hash == MISSING:
        return MISSING
    return hashlib.blake2b(f"{file_hash} {clip.start!r} {clip.seconds!r}".encode(), digest_size=16).hexdigest()
