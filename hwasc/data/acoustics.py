"""The bandwidth of recordings, and what of a front end's bands it leaves empty."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hwasc.records.architecture import FrontEnd

BLOCK = 2048  # samples of a spectrum
BLOCKS = 64  # spectra of a recording at most, spread over it
ROUNDING = 4 / 12 / 32768**2  # power of four times the rounding to 16 bits
FLOOR = 1e-9  # of the strongest frequency; what soxr and lame leave above their limit is weaker
RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
EMPTY_SHARE = 0.1  # of the bands; less is not worth a line
COMMON_SHARE = 0.1  # of the recordings


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


@functools.lru_cache(maxsize=8)
def centres(front_end: FrontEnd) -> npt.NDArray[np.float64]:
    """The middle frequencies of a front end's mel bands, Hz, ascending, shape (mels,)."""
    import librosa

    points = librosa.mel_frequencies(front_end.mels + 2, fmin=front_end.f_min, fmax=front_end.f_max)
    return np.asarray(points[1:-1], np.float64)


def empty_share(bandwidth: float, front_end: FrontEnd) -> float:
    """Share of a front end's mel bands in which recordings of a bandwidth have nothing.

    Args:
        bandwidth: Highest frequency with a sound, Hz.
        front_end: The front end.

    Returns:
        0 to 1.
    """
    return float(np.mean(centres(front_end) > bandwidth))


def fitting_rate(bandwidths: Sequence[float]) -> int:
    """The lowest usual sample rate that keeps what nearly all of some recordings hold.

    Args:
        bandwidths: Of the recordings, Hz.

    Returns:
        Hz.
    """
    wanted = 2 * float(np.quantile(bandwidths, 0.95))
    return next((rate for rate in RATES if rate >= 0.97 * wanted), RATES[-1])


def bandwidth_lines(names: Sequence[str], bandwidths: Sequence[float], front_end: FrontEnd | None = None) -> list[str]:
    """A warning if many recordings leave bands of a front end empty.

    Args:
        names: Of the recordings.
        bandwidths: Of each, Hz; 0 if it is not known.
        front_end: The front end; None: the default one.

    Returns:
        No line or one.
    """
    front_end = front_end or FrontEnd()
    known = [b for b in bandwidths if b > 0]
    narrow = sorted(
        (share, name, b)
        for name, b in zip(names, bandwidths, strict=True)
        if b > 0 and (share := empty_share(b, front_end)) >= EMPTY_SHARE
    )
    if not narrow or len(narrow) < COMMON_SHARE * len(known):
        return []
    share, name, b = narrow[len(narrow) // 2]
    line = (
        f"{len(narrow):,} of {len(known):,} recordings have nothing above {_khz(b)} (e.g. {name}): {share:.0%} of the "
        f"{front_end.mels} mel bands to {_khz(front_end.f_max)} are empty"
    )
    fits = fitting_rate(known)
    if fits < front_end.sample_rate:
        return [
            f"{line}; a front end of {fits:,} Hz fits: copy search_spaces/full.yaml, set sample_rate: {fits} and a window in "
            "proportion in its front_end, and name it with --space"
        ]
    return [f"{line}; the others have more: record or export all of them alike"]


def _khz(hertz: float) -> str:
    return f"{hertz / 1000:.3g} kHz"
