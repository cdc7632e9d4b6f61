"""Three excerpts of a recording, by which sounds are compared: its start, its middle and its end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

EXCERPT = 0.25  # s, of each excerpt
BLOCK = 1 << 18  # samples read at once to hash all
Samples = npt.NDArray[Any]
Read = Callable[[int, int], Samples]  # first sample and number to int16 or float32 of shape (n, channels)
WHOLE = 3.0  # s; shorter recordings are read whole, which takes no longer than three excerpts


class Batch:
    """Excerpts of recordings of one rate and length. The memory is used again and again, which saves a third of the time.

    Args:
        rate: Sample rate, Hz.
        samples: Length of an excerpt, samples.
        size: How many recordings it holds.

    Attributes:
        rate: Sample rate, Hz.
        waves: float32 of shape (size, 3, samples), one channel, full scale 1.
        found: What is known of the recordings in it: position in the caller's list, length in seconds, and, if the excerpts are
            silent, the hash of all samples, '' if these are equal.
    """

    def __init__(self, rate: int, samples: int, size: int) -> None:
        self.rate = rate
        self.waves = np.empty((size, 3, samples), np.float32)
        self.found: list[tuple[int, float, str | None]] = []

    def digest(self, place: int) -> str:
        """Hash of the samples of a recording in it; '' if all are equal."""
        silent = self.found[place][2]
        return hashlib.blake2b(self.waves[place], digest_size=32).hexdigest() if silent is None else silent

    def add(self, read: Read, frames: int, position: int) -> None:
        """Read the excerpts of a recording.

        Args:
            read: Reads some of its samples.
            frames: Its length, samples.
            position: In the caller's list.

        Raises:
            UnreadableClip: It is damaged.
            SoundFileError: It is damaged.
        """
        n = self.waves.shape[2]
        found = [read(start, n) for start in (0, (frames - n) // 2, frames - n)]
        if any(len(e) != n for e in found):
            return
        for wave, excerpt in zip(self.waves[len(self.found)], found, strict=True):
            _mix(excerpt, wave)
        silent = all(e[0, 0] == e[n // 2, 0] == e[-1, 0] and e.min() == e.max() for e in found)
        self.found.append((position, frames / self.rate, _digest_of_all(read, frames) if silent else None))


def plain_reader(f: soundfile.SoundFile, frames: int) -> Read:
    """Read plain PCM: samples of 16 bits as they are, which is three times as fast; short recordings at once.

    Args:
        f: The recording; its position changes.
        frames: Its length, samples.

    Returns:
        What reads some samples of it.
    """
    dtype = "int16" if f.subtype in ("PCM_16", "PCM_U8", "PCM_S8") else "float32"
    if frames < WHOLE * f.samplerate:
        whole: Samples = f.read(frames, dtype=dtype, always_2d=True)
        return lambda start, count: whole[start : start + count]

    def read(start: int, count: int) -> Samples:
        f.seek(start)
        wave: Samples = f.read(count, dtype=dtype, always_2d=True)
        return wave

    return read


def length(rate: int, frames: int) -> int:
    """Length of each excerpt of a recording, samples.

    Args:
        rate: Its sample rate, Hz.
        frames: Its length, samples.

    Returns:
        A third of a short recording.
    """
    return int(min(EXCERPT, frames / rate / 3) * rate)


def _mix(samples: Samples, out: npt.NDArray[np.float32]) -> None:
    """Mean of the channels of (n, channels), full scale 1; the first one where they cancel each other out."""
    scale = np.float32(1 / 32768 if samples.dtype == np.int16 else 1)
    if samples.shape[1] == 1:
        np.multiply(samples[:, 0], scale, out=out)
        return
    with np.errstate(over="ignore", invalid="ignore"):
        wave = np.multiply(samples, scale, dtype=np.float32)
        wave.mean(axis=1, out=out)
        if out.std() < 0.01 * wave[:, 0].std():
            out[:] = wave[:, 0]


def _digest_of_all(read: Read, frames: int) -> str:
    h, constant = hashlib.blake2b(digest_size=32), True
    for start in range(0, frames, BLOCK):
        block = read(start, min(BLOCK, frames - start))
        constant = constant and len(block) > 0 and bool((block == block[0, 0]).all())
        out = np.empty(len(block), np.float32)
        _mix(block, out)
        h.update(out.tobytes())
    return "" if constant else h.hexdigest()
