"""Costs of the log-mel on a microcontroller: MACs of a clip, bytes of RAM and of constants in flash. Estimates; no torch.

Counted in float32 with the buffers and tables of CMSIS-DSP's `arm_mfcc_f32` and `arm_rfft_fast_f32`, without its DCT. One MAC
does one multiplication and one addition: where a step has more of one than of the other, the larger number counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hwasc.records.front_end import FrontEnd

SAMPLE, REAL, INDEX, POSITION = 2, 4, 2, 4  # bytes: int16, float32, uint16, uint32
LOG = 10  # MACs a band: logf's polynomial of 7 coefficients with the exponent (Arm Optimized Routines, v_logf), the scaling


@dataclass(frozen=True)
class FrontEndMacs:
    """MACs of one clip.

    Attributes:
        window: The taper.
        fft: The real FFT.
        power: The power of every bin.
        mel: The filters' weights that are not zero.
        log: Logarithm and scaling to int8.
        total: Sum of these.
    """

    window: int
    fft: int
    power: int
    mel: int
    log: int
    total: int


@dataclass(frozen=True)
class FrontEndRam:
    """Bytes that the front end needs besides the arena, one frame at a time.

    Attributes:
        samples: int16: a window, and the hop that arrives while it is transformed.
        fft: Input and output; the powers overwrite one, the mel bands the other.
        total: Sum of these.
    """

    samples: int
    fft: int
    total: int


@dataclass(frozen=True)
class FrontEndFlash:
    """Bytes of constants.

    Attributes:
        window: The taper.
        fft: Twiddle factors of the FFT and of its split, and the order of its bins.
        mel: Weights, positions and lengths of the filters.
        total: Sum of these.
    """

    window: int
    fft: int
    mel: int
    total: int


@dataclass(frozen=True)
class FrontEndCosts:
    """Estimated costs of a front end.

    Attributes:
        macs: Of one clip.
        ram: Besides the arena.
        flash: Constants.
        map: Bytes of the int8 log-mel, the student's input, which is counted in the arena already.
        how_known: `estimate`.
    """

    macs: FrontEndMacs
    ram: FrontEndRam
    flash: FrontEndFlash
    map: int
    how_known: str = "estimate"


def front_end_costs(front_end: FrontEnd) -> FrontEndCosts:
    """Estimate the costs of a front end. An FFT whose length is no power of two counts as one of the next power."""
    fe, n = front_end, 1 << (front_end.n_fft - 1).bit_length()
    weights = sum(band_bins(fe))
    macs = [fe.frames * each for each in (fe.window, fft_macs(n), 2 * (n // 2 + 1), weights, LOG * fe.mels)]
    ram = [SAMPLE * (fe.window + min(fe.hop, fe.window)), REAL * (n + n + 2)]
    # An FFT of n real samples is one of n / 2 complex ones, with as many complex twiddles, and a split with as many again.
    flash = [REAL * fe.window, (REAL + REAL + INDEX) * n, REAL * weights + 2 * POSITION * fe.mels]
    return FrontEndCosts(
        FrontEndMacs(*_and_total(macs)),
        FrontEndRam(*_and_total(ram)),
        FrontEndFlash(*_and_total(flash)),
        fe.mels * fe.frames,
    )


def _and_total(parts: list[int]) -> list[int]:
    return [*parts, sum(parts)]


def fft_macs(n: int) -> int:
    """Count the additions of a split-radix FFT of n real samples, n a power of two: n/2 (3 log2 n - 5) + 4.

    Its multiplications are fewer, n/2 (log2 n - 3) + 2 (Sorensen, Jones, Heideman and Burrus, "Real-Valued Fast Fourier
    Transform Algorithms", IEEE Trans. ASSP 35(6), 1987). A radix-8 FFT of n/2 complex samples and the split of its bins, as
    CMSIS-DSP computes it, has about a sixth more additions.
    """
    return n // 2 * (3 * (n.bit_length() - 1) - 5) + 4


def mel_edges(front_end: FrontEnd) -> list[float]:
    """Compute the edges of the mel bands.

    Args:
        front_end: Bands, frequencies, mel scale, sample rate and FFT.

    Returns:
        mels + 2 edges in FFT bins; band b rises from edge b to edge b + 1 and falls to edge b + 2. An edge within 1e-9 of a bin
        lies on it, and gives it no weight.
    """
    fe = front_end
    mel, hertz = SCALES[fe.mel_scale]
    low, high = mel(fe.f_min), mel(fe.f_max)
    edges = [hertz(low + (high - low) * i / (fe.mels + 1)) for i in range(fe.mels + 2)]
    return [round(f * fe.n_fft / fe.sample_rate, 9) for f in edges]


def band_bins(front_end: FrontEnd) -> list[int]:
    """Count the FFT bins in each mel band: those strictly between its lower and its upper edge."""
    edges = mel_edges(front_end)
    return [max(0, math.ceil(b) - math.floor(a) - 1) for a, b in zip(edges, edges[2:], strict=False)]


# Slaney's Auditory Toolbox, 1998, as librosa's default: linear to 1 kHz at 200/3 Hz a mel, then 27 mels to a factor 6.4.
LINEAR, KNEE, STEP = 200 / 3, 1000.0, math.log(6.4) / 27


def _slaney(hertz: float) -> float:
    return hertz / LINEAR if hertz < KNEE else KNEE / LINEAR + math.log(hertz / KNEE) / STEP


def _slaney_hertz(mel: float) -> float:
    return mel * LINEAR if mel < KNEE / LINEAR else KNEE * math.exp(STEP * (mel - KNEE / LINEAR))


def _htk(hertz: float) -> float:
    return 1127 * math.log1p(hertz / 700)


def _htk_hertz(mel: float) -> float:
    return 700 * math.expm1(mel / 1127)


SCALES = {"slaney": (_slaney, _slaney_hertz), "htk": (_htk, _htk_hertz)}  # from hertz to mel, and back
