"""Three excerpts of a recording, by which sounds are compared: its start, its middle and its end."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

EXCERPT = 0.25  # s, of each excerpt
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
        self._whole = np.empty(0, np.int16)

    def digest(self, place: int) -> str:
        """Hash of the samples of a recording in it; '' if all are equal."""
        silent = self.found[place][2]
        return hashlib.blake2b(self.waves[place], digest_size=32).hexdigest() if silent is None else silent

    def add(self, f: soundfile.SoundFile, frames: int, position: int) -> None:
        """Read the excerpts of an open recording.

        Args:
            f: The recording; its position changes.
            frames: Its true length, samples.
            position: In the caller's list.

        Raises:
            SoundFileError: It cannot be decoded.
        """
        n = self.waves.shape[2]
        starts = (0, (frames - n) // 2, frames - n)
        if frames < WHOLE * self.rate:
            whole = self._read(f, 0, frames)
            found = [whole[s : s + n] for s in starts]
        else:
            found = [self._read(f, s, n) for s in starts]
        if any(len(e) != n for e in found):
            return
        for wave, excerpt in zip(self.waves[len(self.found)], found, strict=True):
            _mix(excerpt, wave)
        silent = all(e[0, 0] == e[n // 2, 0] == e[-1, 0] and e.min() == e.max() for e in found)
        self.found.append((position, frames / self.rate, _digest_of_all(f) if silent else None))

    def _read(self, f: soundfile.SoundFile, start: int, count: int) -> npt.NDArray[Any]:
        """Samples of shape (count, channels), float32; of 16 bits as they are, which is three times as fast."""
        if start:
            f.seek(start)
        wave: npt.NDArray[Any]
        if start or f.subtype not in ("PCM_16", "PCM_U8", "PCM_S8"):
            dtype = "int16" if f.subtype in ("PCM_16", "PCM_U8", "PCM_S8") else "float32"
            wave = f.read(count, dtype=dtype, always_2d=True)
            return wave
        if len(self._whole) < count * f.channels:
            self._whole = np.empty(count * f.channels, np.int16)
        wave = f.read(out=self._whole[: count * f.channels].reshape(count, f.channels))
        return wave


def length(rate: int, frames: int) -> int:
    """Length of each excerpt of a recording, samples.

    Args:
        rate: Its sample rate, Hz.
        frames: Its length, samples.

    Returns:
        A third of a short recording.
    """
    return int(min(EXCERPT, frames / rate / 3) * rate)


def _mix(samples: npt.NDArray[Any], out: npt.NDArray[np.float32]) -> None:
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


def _digest_of_all(f: soundfile.SoundFile) -> str:
    f.seek(0)
    h, constant = hashlib.blake2b(digest_size=32), True
    while len(block := f.read(1 << 18, dtype="float32", always_2d=True)):
        constant = constant and bool((block == block[0, 0]).all())
        out = np.empty(len(block), np.float32)
        _mix(block, out)
        h.update(out.tobytes())
    return "" if constant else h.hexdigest()
