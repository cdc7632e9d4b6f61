"""Content hashes of files. An index holds them by path and identity, so unchanged files are not read again."""

from __future__ import annotations

import functools
import hashlib
import os
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from hwasc.data.clips import Clip

INDEX = "content.index"
MISSING = "missing"
CLOCK_TICK = 20_000_000  # ns; times of files have the step of the system's clock, 1 to 16 ms
_SAVE_EVERY = 1000  # files hashed between two writes of the index
Progress = Callable[[int, int], None]


def content_hashes(clips: Sequence[Clip], cache: Path, progress: Progress | None = None) -> list[str]:
    """Hash each clip by the bytes of its file (blake2b), its start and its length.

    Args:
        clips: The clips.
        cache: Folder of the index, see `file_hashes`.
        progress: Called with the files done and in all.

    Returns:
        32 hexadecimal digits for each clip, or `missing`.
    """
    paths = [os.fspath(clip.path) for clip in clips]  # a Path is slow to hash, and takes more memory afterwards
    files = file_hashes(paths, cache, progress)
    return [_clip_hash(files[path], clip) for path, clip in zip(paths, clips, strict=True)]


def file_hashes(paths: Iterable[str], cache: Path, progress: Progress | None = None) -> dict[str, str]:
    """Hash files by their bytes (blake2b).

    The index in the cache is a text file that only grows, with a line for each file: check, hash, identity, path. The identity is
    size, times of the last change of content and of status, device and inode: a file that was replaced by another one of the same
    size and time is read again. The last line of a path counts. Damaged lines are skipped by their check, so an interrupted write
    loses one line. A lock serialises processes; nothing is written where all files are known, so the cache can be read-only.

    Args:
        paths: The files; a path may occur twice.
        cache: Folder of the index.
        progress: Called with the files done and in all.

    Returns:
        32 hexadecimal digits by path, or `missing`.
    """
    wanted = list(dict.fromkeys(paths))
    index = cache / INDEX
    hashes, unknown = _known_hashes(wanted, _index(index))
    if not unknown:
        if progress and wanted:
            progress(len(wanted), len(wanted))
        return hashes
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache / f"{INDEX}.lock")
        lock.acquire()
    except OSError:  # the cache is read-only: hash without it
        return hashes | _hash_files(unknown, None, progress)
    try:
        more, unknown = _known_hashes(unknown, _index(index))  # another process may have hashed them meanwhile
        return hashes | more | _hash_files(unknown, index, progress)
    finally:
        lock.release()


def _known_hashes(paths: Sequence[str], known: Mapping[str, tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """The hashes of files that have not changed, and the other files."""
    hashes: dict[str, str] = {}
    unknown: list[str] = []
    for path in paths:
        name = os.path.abspath(path)
        try:
            identity, found = known.get(name, ("", ""))
            if found and identity == _identity(name):
                hashes[path] = found
            else:
                unknown.append(path)
        except OSError:
            unknown.append(path)
    return hashes, unknown


def _settled_identity(name: str) -> str:
    """The identity of a file, after a short wait if it changed just now: another change could have the same time."""
    if 0 <= time.time_ns() - os.stat(name).st_ctime_ns < CLOCK_TICK:
        time.sleep(CLOCK_TICK / 1e9)
    return _identity(name)


def _identity(name: str) -> str:
    s = os.stat(name)
    return f"{s.st_size} {s.st_mtime_ns} {s.st_ctime_ns} {s.st_dev} {s.st_ino}"


def _hash_files(paths: Sequence[str], index: Path | None, progress: Progress | None) -> dict[str, str]:
    hashes: dict[str, str] = {}
    new: list[str] = []
    try:
        for done, path in enumerate(paths, 1):
            name = os.path.abspath(path)
            try:
                before = _settled_identity(name)
                hashes[path] = _hash_file(name)
                if "\n" not in name and _identity(name) == before:  # not changed meanwhile
                    new.append(_line(hashes[path], before, name))
            except OSError:
                hashes[path] = MISSING
            if len(new) >= _SAVE_EVERY:
                _append(index, new)
            if progress and (done % 100 == 0 or done == len(paths)):
                progress(done, len(paths))
    finally:
        _append(index, new)
    return hashes


def _line(content: str, identity: str, name: str) -> str:
    rest = f"{content}\t{identity}\t{name}"
    return f"{_check(rest)}\t{rest}\n"


def _check(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'surrogateescape')):08x}"


def _index(path: Path) -> Mapping[str, tuple[str, str]]:
    try:
        s = os.stat(path)
    except OSError:
        return {}
    return _read_index(path, (s.st_size, s.st_mtime_ns, s.st_ino))


@functools.lru_cache(maxsize=2)
def _read_index(path: Path, _: object) -> Mapping[str, tuple[str, str]]:
    """Identity and hash by path; read again when the file has changed."""
    known: dict[str, tuple[str, str]] = {}
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            for line in lines:
                check, _, rest = line.rstrip("\n").partition("\t")
                cells = rest.split("\t", 2)
                if line.endswith("\n") and len(cells) == 3 and check == _check(rest):
                    known[cells[2]] = (cells[1], cells[0])
    except OSError:
        return {}
    return known


def _append(index: Path | None, lines: list[str]) -> None:
    if lines and index is not None:
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
