"""Computing float16 log-mel features of clips in chunks, in this process or in workers, with the same result."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hwasc.audio.frontend import LogMel
from hwasc.audio.reading import UnreadableClip
from hwasc.data.changes import Change
from hwasc.data.clips import Clip
from hwasc.data.waveforms import waveforms
from hwasc.parallel.children import process_context
from hwasc.records.front_end import FrontEnd

CHUNK = 64  # clips written at once
# Values of overlapping frames that go through the front end at once. Larger blocks use memory that the C library returns and
# requests again each time: four clips of 65 frames of 4096 cause 470 page faults a clip, and take 2 to 5 times as long.
BLOCK = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Features of some neighbouring clips of a list.

    Attributes:
        features: Features of the readable clips, float16 of shape (readable clips, mels, frames).
        unreadable: Reasons of the others by their position in the chunk.
        clips: Number of all clips of the chunk.
    """

    features: npt.NDArray[np.float16]
    unreadable: dict[int, str]
    clips: int


def extract_chunks(
    clips: Sequence[Clip], front_end: FrontEnd, workers: int = 1, change: Change | None = None
) -> Iterator[Chunk]:
    """Compute the features of a clip list.

    Args:
        clips: The clips.
        front_end: The front end.
        workers: Number of spawned processes, each with at most two chunks in memory; 1 computes in this process.
        change: What is done to every waveform first.

    Yields:
        Chunks in the order of the clips.
    """
    tasks = (clips[first : first + CHUNK] for first in range(0, len(clips), CHUNK))
    if workers <= 1:
        for task in tasks:
            yield extract_chunk(task, front_end, change)
        return
    pool = ProcessPoolExecutor(workers, mp_context=process_context())
    try:
        waiting: deque[Future[Chunk]] = deque()
        for task in tasks:
            waiting.append(pool.submit(extract_chunk, task, front_end, change.only(task) if change else None))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def extract_chunk(clips: Sequence[Clip], front_end: FrontEnd, change: Change | None = None) -> Chunk:
    """Compute the features of one chunk.

    Args:
        clips: The clips of the chunk.
        front_end: The front end.
        change: What is done to every waveform first.

    Returns:
        Features of the readable clips, and reasons of the others.
    """
    waves: list[npt.NDArray[np.float32]] = []
    positions: list[int] = []
    unreadable: dict[int, str] = {}
    with _one_thread():  # filters, too
        for i, wave in enumerate(waveforms(clips, front_end.sample_rate, change)):
            if isinstance(wave, UnreadableClip):
                unreadable[i] = str(wave)
            else:
                waves.append(wave)
                positions.append(i)
    features, usable = log_mels(waves, front_end)
    if not usable.all():
        unreadable |= {positions[i]: "samples out of range" for i in np.flatnonzero(~usable)}
        features = features[usable]
    return Chunk(features=features, unreadable=dict(sorted(unreadable.items())), clips=len(clips))


def log_mels(
    waves: Sequence[npt.NDArray[np.float32]], front_end: FrontEnd
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.bool_]]:
    """Compute features as they are stored.

    Args:
        waves: n waveforms of shape (samples,).
        front_end: The front end.

    Returns:
        Features (n, mels, frames), and whether all numbers of each are finite, (n,).
    """
    features = np.empty((len(waves), front_end.mels, front_end.frames), np.float16)
    log_mel = _log_mel(front_end)
    rounded = torch.from_numpy(features)  # shares the memory; torch rounds twice as fast as numpy, to the same values
    done = 0
    with _one_thread(), torch.inference_mode():
        for block in in_blocks(waves, front_end):
            rounded[done : done + len(block)].copy_(log_mel(torch.from_numpy(np.stack(block))))
            done += len(block)
        # a sum of finite float16 values does not overflow float32
        usable = rounded.flatten(1).sum(1, dtype=torch.float32).isfinite().numpy()
    return features, usable


def in_blocks(
    waves: Sequence[npt.NDArray[np.float32]], front_end: FrontEnd
) -> Iterator[Sequence[npt.NDArray[np.float32]]]:
    """Divide waveforms into blocks of the size at which the front end is fastest.

    Args:
        waves: Waveforms of shape (samples,).
        front_end: The front end.

    Yields:
        Neighbouring waveforms.
    """
    size = max(1, BLOCK // (front_end.frames * front_end.n_fft))
    for first in range(0, len(waves), size):
        yield waves[first : first + size]


@functools.lru_cache(maxsize=2)
def _log_mel(front_end: FrontEnd) -> LogMel:
    return LogMel(front_end)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limit torch to one thread: the rounding of a matrix product depends on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
