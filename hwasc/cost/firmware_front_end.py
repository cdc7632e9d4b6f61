"""RAM and flash of the log-mel of the C export, exact. No torch."""

from __future__ import annotations

import itertools
import math
from typing import Literal

from hwasc.cost.frontend import mel_edges
from hwasc.errors import UsageError
from hwasc.records.front_end import FrontEnd

Arithmetic = Literal["float", "integer"]
SHORTEST, LONGEST = 256, 8192  # samples of an FFT
LEAST = 1e-30  # of log_offset and log_floor, in single precision
COARSE = 1e-7  # of a power: integers may not hold less


def check_fft(front_end: FrontEnd) -> None:
    """Check that the C export can compute a front end.

    Args:
        front_end: The front end.

    Raises:
        UsageError: Its FFT is of a length that the FFT in C does not do, or it takes the logarithm of too small numbers.
    """
    n, least = front_end.n_fft, max(front_end.log_offset, front_end.log_floor)
    if n & (n - 1) or not SHORTEST <= n <= LONGEST:
        raise UsageError(
            f"n_fft {n}: the log-mel in C takes a power of two from {SHORTEST} to {LONGEST}; train with such an n_fft"
        )
    if least < LEAST:
        raise UsageError(
            f"log_offset {front_end.log_offset:g}, log_floor {front_end.log_floor:g}: the log-mel in C needs one of at least "
            f"{LEAST:g}; train with such a front end"
        )


def fft_passes(n_fft: int, arithmetic: Arithmetic) -> list[tuple[int, int]]:
    """List the passes of the FFT of n_fft real samples, which is one of n_fft / 2 complex numbers.

    Args:
        n_fft: A power of two, at least 256.
        arithmetic: `float` or `integer`.

    Returns:
        Radix of each pass and the numbers of each spectrum that it joins.
    """
    points = n_fft // 2
    even = points.bit_length() % 2 == 1  # of radix 4 alone
    passes = [(4 if arithmetic == "integer" and even else 8, 1)]
    while (size := math.prod(radix for radix, _ in passes)) < points:
        passes.append((4 if arithmetic == "integer" or points // size in (4, 16) else 8, size))
    return passes


def segment_bins(front_end: FrontEnd) -> list[int]:
    """Count FFT bins between neighbouring edges of mel bands.

    Args:
        front_end: The front end.

    Returns:
        The first bin, then the bins between each two edges; a bin on an edge counts to the segment above it.
    """
    first = [math.ceil(edge) for edge in mel_edges(front_end)]
    first[0] = max(first[0], 1)  # bin 0 lies on the lowest edge or below it, the last one on the highest or above it
    first[-1] = min(first[-1], front_end.n_fft // 2)
    return [first[0], *(max(0, b - a) for a, b in itertools.pairwise(first))]


def front_end_bytes(front_end: FrontEnd, arithmetic: Arithmetic) -> int:
    """Count the RAM that a frame's log-mel needs: its FFT, in place.

    Args:
        front_end: The front end.
        arithmetic: `float` or `integer`; both take 4 bytes a sample.

    Returns:
        Bytes; the samples and the features are not among them.

    Raises:
        UsageError: The front end cannot be computed in C.
    """
    del arithmetic
    check_fft(front_end)
    return 4 * front_end.n_fft


def front_end_flash(front_end: FrontEnd, arithmetic: Arithmetic) -> int:
    """Count the tables of the log-mel in flash.

    Args:
        front_end: The front end.
        arithmetic: `float` or `integer`.

    Returns:
        Bytes.

    Raises:
        UsageError: The front end cannot be computed in C.
    """
    check_fft(front_end)
    fe = front_end
    window = 4 * half_window(fe)
    twiddles = 8 * (fe.n_fft // 2 - fft_passes(fe.n_fft, arithmetic)[0][0]) + 4 * (fe.n_fft // 4 + 1)
    mel = 2 * (fe.mels + 2) + (4 * shares(fe) or 8 * (fe.mels + 1))
    if arithmetic == "float":
        scaling = 4 * heights(fe) + 12
    else:
        scaling = 4 * heights(fe) * (1 + has_offset(fe)) + 16
    return window + twiddles + mel + scaling + 4 * (fe.pre_emphasis > 0) + 4 * has_floor(fe)


def half_window(front_end: FrontEnd) -> int:
    """Count the weights of the window that are stored: its first half, and its middle."""
    last = front_end.window - (front_end.window_shape != "periodic")  # weighs as the first
    return last // 2 + 1


def shares(front_end: FrontEnd) -> int:
    """Count the stored weights of FFT bins: one a bin where the slopes of the bands are linear in mel, else none."""
    return max(1, sum(segment_bins(front_end)[1:])) if front_end.triangles == "mel" else 0


def heights(front_end: FrontEnd) -> int:
    """Count the stored heights of mel bands: one where all are as high."""
    return front_end.mels if front_end.area_norm else 1


def has_floor(front_end: FrontEnd) -> bool:
    """Whether features have a least value of their own: a floor, or the logarithm of so small an offset that integers lack it."""
    return front_end.log_floor > front_end.log_offset or front_end.log_offset < COARSE * front_end.gain


def has_offset(front_end: FrontEnd) -> bool:
    """Whether anything is added to the bands before the logarithm."""
    return front_end.log_offset > 0
