"""The mean spectrum of a recording, and its bandwidth."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

BLOCK = 2048  # samples of a spectrum
BLOCKS = 64  # spectra of a recording at most, spread over it
ROUNDING = 4 / 12 / 32768**2  # power of four times the rounding to 16 bits
FLOOR = 1e-9  # of the strongest frequency; what soxr and lame leave above their limit is weaker


class Spectrum:
    """The mean power spectrum of a recording, taken from blocks as they come.

    Args:
        rate: Sample rate, Hz.
        samples: Length of the recording, samples.
    """

    def __init__(self, rate: int, samples: int) -> None:
        self.rate = rate
        self._size = BLOCK if samples >= BLOCK else max(64, samples)
        self._step = max(1, -(-samples // (BLOCKS * self._size)))
        self._seen = 0
        self._sum: npt.NDArray[np.float64] = np.zeros(self._size // 2 + 1)
        self._count = 0

    def add(self, wave: npt.NDArray[np.float32]) -> None:
        """Take a part of the recording, shape (samples,)."""
        whole = len(wave) // self._size
        if whole == 0:
            return
        numbers = np.arange(self._seen, self._seen + whole)
        blocks = wave[: whole * self._size].reshape(whole, self._size)[numbers % self._step == 0]
        self._seen += whole
        if len(blocks):
            spectra = np.fft.rfft(blocks * _window(self._size), axis=1)
            self._sum += (spectra.real**2 + spectra.imag**2).sum(axis=0)
            self._count += len(blocks)

    def bandwidth(self) -> float:
        """The highest frequency with a sound above the rounding to 16 bits, Hz; 0 if there is none."""
        if not self._count or not np.isfinite(self._sum).all():
            return 0.0
        power = self._sum / self._count
        density = ROUNDING * float((_window(self._size) ** 2).sum())
        smooth = np.convolve(power, np.ones(5) / 5, "same")[1:]
        above = np.flatnonzero(smooth > max(density, FLOOR * smooth.max()))
        return 0.0 if not len(above) else min(self.rate / 2, float(above[-1] + 2) * self.rate / self._size)


@functools.lru_cache(maxsize=8)
def _window(size: int) -> npt.NDArray[np.float32]:
    return np.blackman(size).astype(np.float32)
