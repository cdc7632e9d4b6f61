"""Clips, with noise if wanted, to float16 log-mel in chunks, here or in worker processes, with the same result."""

from __future__ import annotations

import functools
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
import torch

from hwasc.audio.frontend import LogMel
from hwasc.audio.noise import Noise
from hwasc.audio.reading import UnreadableClip, read_clip
from hwasc.data.clips import Clip
from hwasc.records.architecture import FrontEnd

CHUNK = 64  # clips written and journalled at once
# Values of overlapping frames that go through the front end at once. More take memory that the C library gives back and takes
# anew each time: at four clips of 65 frames of 4096, 470 page faults a clip, which took 2 to 5 times as long as the work.
BLOCK = 600_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """features: float16 (readable clips, mels, frames). unreadable: position in the chunk to reason. clips: in all."""

    features: npt.NDArray[np.float16]
    unreadable: dict[int, str]
    clips: int


def extract_chunks(
    clips: Sequence[Clip], front_end: FrontEnd, workers: int = 1, noise: Noise | None = None
) -> Iterator[Chunk]:
    """Chunks in the order of the clips. workers: spawned processes, of which each has at most two chunks in memory."""
    tasks = (clips[first : first + CHUNK] for first in range(0, len(clips), CHUNK))
    if workers <= 1:
        for task in tasks:
            yield extract_chunk(task, front_end, noise)
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        waiting: deque[Future[Chunk]] = deque()
        for task in tasks:
            waiting.append(pool.submit(extract_chunk, task, front_end, noise))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def extract_chunk(clips: Sequence[Clip], front_end: FrontEnd, noise: Noise | None = None) -> Chunk:
    """Read, drown in noise, transform and round the clips of one chunk."""
    waves: list[npt.NDArray[np.float32]] = []
    positions: list[int] = []
    unreadable: dict[int, str] = {}
    for i, clip in enumerate(clips):
        try:
            wave = read_clip(clip.path, clip.start, clip.seconds, front_end.sample_rate)
            waves.append(noise.add_to(wave, clip.id, front_end.sample_rate) if noise else wave)
            positions.append(i)
        except UnreadableClip as e:
            unreadable[i] = str(e)
    features = np.empty((len(waves), front_end.mels, front_end.frames), np.float16)
    log_mel = _log_mel(front_end)
    rounded = torch.from_numpy(features)  # the same memory; torch rounds twice as fast as numpy, to the same values
    done = 0
    with _one_thread(), torch.inference_mode():
        for block in in_blocks(waves, front_end):
            rounded[done : done + len(block)].copy_(log_mel(torch.from_numpy(np.stack(block))))
            done += len(block)
        usable = rounded.flatten(1).sum(1, dtype=torch.float32).isfinite().numpy()  # no finite float16s overflow it
    if not usable.all():
        unreadable |= {positions[i]: "samples out of range" for i in np.flatnonzero(~usable)}
        features = features[usable]
    return Chunk(features, dict(sorted(unreadable.items())), len(clips))


def in_blocks(
    waves: Sequence[npt.NDArray[np.float32]], front_end: FrontEnd
) -> Iterator[Sequence[npt.NDArray[np.float32]]]:
    """Waveforms in runs that the front end is fastest with."""
    size = max(1, BLOCK // (front_end.frames * front_end.n_fft))
    for first in range(0, len(waves), size):
        yield waves[first : first + size]


@functools.lru_cache(maxsize=2)
def _log_mel(front_end: FrontEnd) -> LogMel:
    return LogMel(front_end)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The rounding of a matrix product depends on the number of threads; the features must not."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends the pool
