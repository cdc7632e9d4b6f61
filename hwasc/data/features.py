"""Log-mel features of a clip list, kept on disk by content: made once, then memory-mapped."""

from __future__ import annotations

import errno
import hashlib
import mmap
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from filelock import FileLock, Timeout

from hwasc.audio import noise as noises
from hwasc.audio.noise import Noise
from hwasc.data.clips import Clip
from hwasc.data.extraction import extract_chunks
from hwasc.data.hashing import MISSING, content_hashes
from hwasc.data.store import Entry
from hwasc.errors import DataError
from hwasc.records.architecture import FrontEnd
from hwasc.records.schema import canonical

VERSION = 1  # of the cache: what is computed and how it is kept
Progress = Callable[[str, int, int], None]


class Features:
    """Features of the readable clips of a list, in its order; the array stays on disk and resident memory bounded.

    array: float16 (n, mels, frames), memory-mapped, read-only. clips: n clips. labels: int64 (n,), indices into the
    classes. devices: str (n,). hashes: content hash per clip. It can be pickled: the other process maps the same file.
    Reading `array` itself makes pages resident until the next `batch`.
    """

    def __init__(
        self, path: Path, shape: tuple[int, int], clips: Sequence[Clip], classes: Sequence[str], hashes: Sequence[str]
    ) -> None:
        self.path, self.shape, self.classes = path.absolute(), shape, tuple(classes)
        self.clips, self.hashes = tuple(clips), list(hashes)
        number = {scene: i for i, scene in enumerate(classes)}
        self.labels = np.array([number[clip.scene] for clip in clips], dtype=np.int64)
        self.devices = np.array([clip.device for clip in clips], dtype=np.str_)
        with path.open("rb") as f:
            self._map = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        self.array = np.frombuffer(self._map, np.float16).reshape(len(self.clips), *shape)

    def __len__(self) -> int:
        return len(self.clips)

    def __reduce__(self) -> tuple[Any, ...]:
        return Features, (self.path, self.shape, self.clips, self.classes, self.hashes)

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> torch.Tensor:
        """float32 tensor (B, 1, mels, frames) of the clips at `indices`."""
        chosen = torch.from_numpy(self.array[indices]).float()
        if hasattr(mmap, "MADV_DONTNEED"):  # mapped pages count as ours until let go; the file cache keeps them
            self._map.madvise(mmap.MADV_DONTNEED)
        return chosen.unsqueeze(1)


def extract(
    clips: Sequence[Clip],
    classes: Sequence[str],
    front_end: FrontEnd,
    cache: Path,
    *,
    noise: Noise | None = None,
    max_unreadable: float = 0.02,
    workers: int = 1,
    progress: Progress | None = None,
    notify: Callable[[str], None] | None = None,
) -> Features:
    """The features of `clips`, from the cache where these contents and this front end were met before.

    noise: added to every clip's waveform first; the hashes stay those of the clips alone.

    max_unreadable: the share of clips that may be left out. workers: processes; the result does not depend on it.
    progress(phase, done, total): phases `hashing` (files) and `features` (clips). notify(line): for a person to see.

    An entry appears whole or not at all; an interrupted run resumes where it stopped. Of two processes that want the
    same entry, the second waits and opens what the first made. `unreadable.txt` in the entry lists the clips left out.

    Raises DataError: no clips, clips of another length than the front end's, a scene that is not among `classes`, more
    unreadable clips than allowed, a full disk, a cache that cannot be written.
    """
    _check(clips, classes, front_end)
    notify = notify or (lambda line: None)
    progress = progress or (lambda phase, done, total: None)
    try:
        hashes = content_hashes(clips, cache, lambda done, total: progress("hashing", done, total))
        missing = [(clip.id, MISSING) for clip, h in zip(clips, hashes, strict=True) if h == MISSING]
        _judge(missing, len(clips), max_unreadable, notify=None)
        entry = Entry(
            cache / _key(hashes, front_end, _noise_key(noise, clips, cache)), (front_end.mels, front_end.frames)
        )
        if not entry.complete():
            with _turn(cache / f"{entry.folder.name}.lock", notify):
                if not entry.complete():
                    _make(entry, clips, front_end, workers, noise, lambda done: progress("features", done, len(clips)))
    except BrokenProcessPool:
        raise DataError(
            f"{cache}: a worker process died, out of memory perhaps, or started from a script without "
            "`if __name__ == '__main__':`; try one worker"
        ) from None
    except OSError as e:
        raise DataError(_explain(e, cache, len(clips), front_end)) from None
    reasons = entry.unreadable()
    _judge([(clips[i].id, why) for i, why in reasons.items()], len(clips), max_unreadable, notify, entry.folder)
    kept = [i for i in range(len(clips)) if i not in reasons]
    return Features(entry.array, entry.shape, [clips[i] for i in kept], classes, [hashes[i] for i in kept])


def unextracted(clips: Sequence[Clip], front_ends: Sequence[FrontEnd], cache: Path) -> list[FrontEnd]:
    """The front ends through which the cache holds no features of these clips yet."""
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


def _key(hashes: Sequence[str], front_end: FrontEnd, noise: str = "") -> str:
    h = hashlib.blake2b(f"{VERSION} {canonical(front_end)}{noise}".encode(), digest_size=12)
    for clip_hash in hashes:
        h.update(f"\n{clip_hash}".encode())
    return h.hexdigest()


def _noise_key(noise: Noise | None, clips: Sequence[Clip], cache: Path) -> str:
    """What noisy features depend on besides the clips' contents: the noise, and the ids that it is drawn by."""
    if noise is None:
        return ""
    recordings = [Clip(str(path), path, 0.0, seconds, "", "", "") for path, seconds in noise.files]
    source = content_hashes(recordings, cache) if recordings else noise.source
    return f" {canonical([noises.VERSION, source, noise.snr, noise.seed, [clip.id for clip in clips]])}"


class _turn:
    """Hold the lock of an entry; say so if that means to wait."""

    def __init__(self, path: Path, notify: Callable[[str], None]) -> None:
        self._lock, self._notify = FileLock(path), notify

    def __enter__(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            self._notify("another process is making these features; waiting for it")
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _make(
    entry: Entry,
    clips: Sequence[Clip],
    front_end: FrontEnd,
    workers: int,
    noise: Noise | None,
    progress: Callable[[int], None],
) -> None:
    with entry.writer() as writer:
        rest = len(clips) - writer.clips
        free = shutil.disk_usage(entry.folder.parent).free
        if rest * _clip_bytes(front_end) > free:
            raise OSError(errno.ENOSPC, "too little space left")
        if writer.clips:
            progress(writer.clips)
        for chunk in extract_chunks(clips[writer.clips :], front_end, workers, noise):
            writer.append(chunk.features, chunk.unreadable, chunk.clips)
            progress(writer.clips)
        if writer.clips != len(clips):
            raise RuntimeError(f"{writer.clips} of {len(clips)} clips were extracted")
        ids = {i: clips[i].id for i in writer.unreadable}
        writer.finish(ids)


def _judge(
    unreadable: Sequence[tuple[str, str]],
    total: int,
    allowed: float,
    notify: Callable[[str], None] | None,
    entry: Path | None = None,
) -> None:
    """Raise if too many clips are unreadable, else mention them."""
    if not unreadable:
        return
    first = ", ".join(f"{name} ({why})" for name, why in unreadable[:3])
    share = len(unreadable) / total
    where = f"; all in {entry / 'unreadable.txt'}" if entry else ""
    if share > allowed or len(unreadable) == total:
        raise DataError(
            f"{len(unreadable):,} of {total:,} clips cannot be read ({share:.1%}, allowed {allowed:.1%}): "
            f"{first}{where}; mend or remove these files, or allow more"
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
