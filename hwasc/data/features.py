"""Log-mel features of a clip list, cached on disk by content and memory-mapped."""

from __future__ import annotations

import errno
import hashlib
import mmap
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from filelock import FileLock, Timeout

from hwasc.data.changes import Change, changed_hashes
from hwasc.data.clips import Clip
from hwasc.data.extraction import Chunk, extract_chunks
from hwasc.data.hashing import MISSING, content_hashes
from hwasc.data.store import Entry, Writer
from hwasc.errors import DataError
from hwasc.records.front_end import FrontEnd
from hwasc.records.schema import canonical

FEW = 500  # clips of so many take less time in this process than several processes take to start
VERSION = 2  # part of every cache key; a new version computes all features anew
Progress = Callable[[str, int, int], None]


class Features:
    """Features of the readable clips of a list, in its order.

    The array stays on disk, and `batch` bounds the resident memory; pages read through `array` itself stay resident until
    the next call of `batch`. The object can be pickled: another process maps the same file.

    Args:
        path: File of raw float16 values.
        shape: (mels, frames) of a clip.
        clips: The n clips.
        classes: Names of the classes.
        hashes: Content hash of each clip, with what was done to it.
        change: What was done to the waveforms; None: nothing.

    Attributes:
        array: Features, float16 of shape (n, mels, frames), memory-mapped and read-only.
        labels: Indices into the classes, int64 of shape (n,).
        devices: Names of the recording devices, str of shape (n,).
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int],
        clips: Sequence[Clip],
        classes: Sequence[str],
        hashes: Sequence[str],
        change: Change | None = None,
    ) -> None:
        self.path, self.shape, self.classes = path.absolute(), shape, tuple(classes)
        self.clips, self.hashes, self.change = tuple(clips), list(hashes), change
        number = {scene: i for i, scene in enumerate(classes)}
        self.labels = np.array([number[clip.scene] for clip in clips], dtype=np.int64)
        self.devices = np.array([clip.device for clip in clips], dtype=np.str_)
        with path.open("rb") as f:
            self._map = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        self.array = np.frombuffer(self._map, np.float16).reshape(len(self.clips), *shape)

    def __len__(self) -> int:
        return len(self.clips)

    def __reduce__(self) -> tuple[Any, ...]:
        return Features, (self.path, self.shape, self.clips, self.classes, self.hashes, self.change)

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> torch.Tensor:
        """Features of the clips at some indices, float32 of shape (B, 1, mels, frames)."""
        chosen = torch.from_numpy(self.array[indices]).float()
        if hasattr(mmap, "MADV_DONTNEED"):  # releases the pages; they stay in the file cache of the system
            self._map.madvise(mmap.MADV_DONTNEED)
        return chosen.unsqueeze(1)


def extract(
    clips: Sequence[Clip],
    classes: Sequence[str],
    front_end: FrontEnd,
    cache: Path,
    *,
    change: Change | None = None,
    max_unreadable: float = 0.02,
    workers: int = 1,
    progress: Progress | None = None,
    notify: Callable[[str], None] | None = None,
) -> Features:
    """Compute the features of clips, or open them if the cache has them for the same contents and front end.

    A cache entry appears only when it is complete. An interrupted run resumes where it stopped. If two processes need the
    same entry, the second waits for the first. The file `unreadable.txt` in the entry lists the clips left out.

    Args:
        clips: The clips, all as long as the front end's.
        classes: Names of the classes, among them the scene of every clip.
        front_end: The front end.
        cache: Folder of the cache.
        change: What is done to every waveform first.
        max_unreadable: Greatest share of unreadable clips, 0 to 1; they are left out.
        workers: Number of processes, for more than a few clips; the result does not depend on it.
        progress: Called with a phase (`hashing` or `features`), and the files or clips done and in all.
        notify: Called with lines for the user.

    Returns:
        Features of the readable clips.

    Raises:
        DataError: There are no clips, a clip has another length, a scene is not among the classes, too many clips are
            unreadable, the disk is full, or the cache cannot be written.
    """
    _check(clips, classes, front_end)
    notify = notify or (lambda line: None)
    progress = progress or (lambda phase, done, total: None)
    try:
        hashes = changed_hashes(clips, change, cache, lambda done, total: progress("hashing", done, total))
        missing = [(clip.id, MISSING) for clip, h in zip(clips, hashes, strict=True) if h == MISSING]
        _check_unreadable(missing, len(clips), max_unreadable)
        entry = Entry(cache / _key(hashes, front_end), (front_end.mels, front_end.frames))
        if not entry.complete():
            if entry.damaged():
                notify(f"{entry.folder}: cached features are damaged (checksum); they are computed again")
            with _entry_lock(cache / f"{entry.folder.name}.lock", notify):
                if not entry.complete():
                    with entry.writer() as writer:
                        _check_disk(entry, len(clips) - writer.clips, front_end)
                        rest = clips[writer.clips :]
                        chunks = extract_chunks(rest, front_end, workers if len(rest) > FEW else 1, change)
                        _write(writer, chunks, clips, lambda done: progress("features", done, len(clips)))
                        if changed_hashes(clips, change, cache) != hashes:
                            writer.discard()
                            raise DataError(
                                "recordings were changed while their features were computed; run the same command again"
                            )
                        writer.finish({i: clips[i].id for i in writer.unreadable})
    except BrokenProcessPool:
        raise DataError(
            f"{cache}: a worker process died, out of memory perhaps, or started from a script without "
            "`if __name__ == '__main__':`; try one worker"
        ) from None
    except OSError as e:
        raise DataError(_explain(e, cache, len(clips), front_end)) from None
    reasons = entry.unreadable()
    unreadable = [(clips[i].id, why) for i, why in reasons.items()]
    _check_unreadable(unreadable, len(clips), max_unreadable, notify=notify, entry=entry.folder)
    readable = [i for i in range(len(clips)) if i not in reasons]
    return Features(
        path=entry.array,
        shape=entry.shape,
        clips=[clips[i] for i in readable],
        classes=classes,
        hashes=[hashes[i] for i in readable],
        change=change,
    )


def unextracted(clips: Sequence[Clip], front_ends: Sequence[FrontEnd], cache: Path) -> list[FrontEnd]:
    """List the front ends for which the cache has no features of some clips.

    Args:
        clips: The clips.
        front_ends: The front ends.
        cache: Folder of the cache.

    Returns:
        Those of the front ends, in order.
    """
    hashes = content_hashes(clips, cache)
    return [fe for fe in front_ends if not Entry(cache / _key(hashes, fe), (fe.mels, fe.frames)).complete()]


def _check(clips: Sequence[Clip], classes: Sequence[str], front_end: FrontEnd) -> None:
    if not clips:
        raise DataError("there are no clips to make features of")
    for clip in clips:
        if clip.seconds != front_end.seconds:
            raise DataError(f"{clip.id}: lasts {clip.seconds:g} s, but the front end takes {front_end.seconds:g} s")
    unknown = {clip.scene for clip in clips}.difference(classes)
    if unknown:
        raise DataError(f"the scene '{min(unknown)}' is not among the classes ({', '.join(classes)})")


def _key(hashes: Sequence[str], front_end: FrontEnd) -> str:
    h = hashlib.blake2b(f"{VERSION} {canonical(front_end)}".encode(), digest_size=12)
    for clip_hash in hashes:
        h.update(f"\n{clip_hash}".encode())
    return h.hexdigest()


@contextmanager
def _entry_lock(path: Path, notify: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of an entry; notify the user before a wait."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        notify("another process is making these features; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _check_disk(entry: Entry, clips: int, front_end: FrontEnd) -> None:
    if clips * _clip_bytes(front_end) > shutil.disk_usage(entry.folder.parent).free:
        raise OSError(errno.ENOSPC, "too little space left")


def _write(writer: Writer, chunks: Iterable[Chunk], clips: Sequence[Clip], progress: Callable[[int], None]) -> None:
    if writer.clips:
        progress(writer.clips)
    for chunk in chunks:
        writer.append(chunk.features, chunk.unreadable, chunk.clips)
        progress(writer.clips)
    if writer.clips != len(clips):
        raise RuntimeError(f"{writer.clips} of {len(clips)} clips were extracted")


def _check_unreadable(
    unreadable: Sequence[tuple[str, str]],
    total: int,
    allowed: float,
    *,
    notify: Callable[[str], None] | None = None,
    entry: Path | None = None,
) -> None:
    """Raise if too many clips are unreadable, else notify the user. unreadable: pairs of id and reason."""
    if not unreadable:
        return
    first = ", ".join(f"{name} ({why})" for name, why in unreadable[:3])
    share = len(unreadable) / total
    where = f"; all in {entry / 'unreadable.txt'}" if entry else ""
    if share > allowed or len(unreadable) == total:
        raise DataError(
            f"{len(unreadable):,} of {total:,} clips cannot be read ({share:.1%}, allowed {allowed:.1%}): "
            f"{first}{where}; fix or remove these files, or allow more (data.max_unreadable)"
        )
    if notify:
        notify(f"{len(unreadable):,} of {total:,} clips cannot be read and are left out: {first}{where}")


def _clip_bytes(front_end: FrontEnd) -> int:
    return front_end.mels * front_end.frames * 2


def _explain(error: OSError, cache: Path, clips: int, front_end: FrontEnd) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        size = clips * _clip_bytes(front_end) / 1e9
        return f"{cache}: the disk is full; these features take {size:.2f} GB: free some or choose another cache folder"
    return f"{error.filename or cache}: the feature cache cannot be used ({error.strerror or error})"
