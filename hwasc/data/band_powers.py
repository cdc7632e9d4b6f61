"""Powers of short sounds in narrow bands, from many sounds at once."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

TAPS = 6  # of the filter before decimation, in samples of its output


def decimate(waves: npt.NDArray[np.float32], step: int) -> npt.NDArray[np.float32]:
    """Low-pass filter waves, and keep each `step`-th sample; they get `TAPS` samples shorter.

    Args:
        waves: Shape (k, n).
        step: How many samples become one.

    Returns:
        Shape (k, n // step - TAPS + 1).
    """
    if step == 1:
        return waves
    blocks = waves[:, : waves.shape[1] // step * step].reshape(-1, step)
    parts = (_low_pass(step) @ blocks.T).reshape(
        TAPS, len(waves), -1
    )  # all taps in one product, the fastest of all ways
    count = max(0, parts.shape[2] - TAPS + 1)
    out = parts[0, :, :count]
    for k in range(1, TAPS):
        out += parts[k, :, k : k + count]
    return out


@functools.lru_cache(maxsize=16)
def _low_pass(step: int) -> npt.NDArray[np.float32]:
    n = TAPS * step
    t = (np.arange(n) - (n - 1) / 2) * 0.9 / step
    taps = np.sinc(t) * np.kaiser(n, 5.0)
    return (taps / taps.sum()).astype(np.float32).reshape(TAPS, step)


def band_powers(
    waves: npt.NDArray[np.float32], rate: float, limits: tuple[float, float], bands: int
) -> npt.NDArray[np.float64] | None:
    """Powers in bands of equal width.

    Args:
        waves: Shape (k, n).
        rate: Sample rate, Hz.
        limits: Lowest and highest frequency, Hz.
        bands: Number of bands.

    Returns:
        Sums of squares as of the waves, shape (k, bands). None if the rate or the length is too low.
    """
    n = waves.shape[1]
    if n < 64 or limits[1] > rate / 2:
        return None
    from scipy import fft  # takes a tenth of a second to import, which commands that read no audio need not spend

    size = fft.next_fast_len(n, real=True)
    window, first, end, edge, part = _layout(n, size, rate, limits, bands=bands)
    spectrum = fft.rfft(waves * window, size)[:, first:end]
    powers = np.zeros((len(waves), end - first + 1))
    np.cumsum(spectrum.real**2 + spectrum.imag**2, axis=1, dtype=np.float64, out=powers[:, 1:])
    at = powers[:, edge]
    at += part * (powers[:, edge + 1] - at)
    return np.maximum(at[:, 1:] - at[:, :-1], 0.0) * (2 * 8 / 3 / size)


@functools.lru_cache(maxsize=64)
def _layout(
    n: int, size: int, rate: float, limits: tuple[float, float], *, bands: int
) -> tuple[npt.NDArray[np.float32], int, int, npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Window, range of FFT bins, and the bins and their parts at the edges of the bands."""
    window = np.hanning(n + 1)[:-1].astype(np.float32)
    edges = np.linspace(*limits, bands + 1) * size / rate + 0.5  # a bin reaches half a bin to both sides
    first = int(edges[0])
    at = np.floor(edges).astype(np.int64) - first
    return window, first, min(int(edges[-1]) + 2, size // 2 + 1), at, edges - np.floor(edges)
