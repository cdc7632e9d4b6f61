"""Noise added to cached log-mel batches (B, 1, mels, frames), as if it had been added to the waveform."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from hwasc.audio.frontend import mel_filters
from hwasc.audio.noise import COLOURS, power_spectrum
from hwasc.records.architecture import FrontEnd


@dataclass(frozen=True, eq=False)
class NoiseBands:
    """How a front end hears Gaussian noise of every colour. All float32 on the CPU.

    share: (colours, mels), a band's mean power, of noise whose power over all bins is 1. freedom: (colours, mels), k of that
    power: its variance is mean^2 / k. width: (mels,), by which the bands' powers add up to that of the bins they span.
    inside: (frames,), how much of a frame's window lies within the clip; beyond its ends there is neither sound nor noise.
    """

    share: Tensor
    freedom: Tensor
    width: Tensor
    inside: Tensor


def additive_noise(x: Tensor, generator: Generator, p: float, snr: tuple[float, float], front_end: FrontEnd) -> Tensor:
    """Add white or pink noise to chosen clips, at a ratio to their power drawn uniformly from `snr` (dB); front_end: that of x.

    The power of signal plus noise in a band is that of a complex number plus Gaussian ones, a noncentral chi-square of 2 k
    degrees of freedom: with signal power P and mean noise power n it is (sqrt(P) + a)^2 + b, a ~ N(0, n / 2k),
    b ~ Gamma(k - 1/2, n / k), which has the mean P + n and the variance n^2 / k + 2 P n / k of the sum of two waves. Frames
    are drawn apart, though their windows overlap. The clip's power is what its bands tell: what lies outside the filters'
    reach is not heard, and does not count.

    Against noise in the waveforms of city recordings (64 bands, n_fft 2048) a band's mean over time and six draws is off by
    0.01 in natural-log power at 20 dB and 0.04 at 0 dB (mean absolute error); single values differ by 0.13 and 0.38, as two
    draws of noise in the waveform do from each other (0.13 and 0.38).
    """
    bands, count = noise_bands(front_end), len(x)
    chosen = _uniform(generator, count) < p
    level = snr[0] + (snr[1] - snr[0]) * _uniform(generator, count)
    colour = torch.randint(len(COLOURS), (count,), generator=generator)
    seed = int(torch.randint(2**62, (1,), generator=generator))  # as many draws whatever the front end
    rows = chosen.nonzero().flatten()
    if len(rows) == 0:
        return x
    rng = np.random.default_rng(seed)
    shape = (len(rows), 1, *x.shape[2:])
    k = bands.freedom[colour[rows]][:, None, :, None]
    normal = torch.from_numpy(rng.standard_normal(shape, np.float32)).to(x)
    gamma = torch.from_numpy(rng.standard_gamma((k - 0.5).expand(shape).numpy(), dtype=np.float32)).to(x)
    k, inside = k.to(x), bands.inside.to(x)
    log_power = x[rows.to(x.device)] * front_end.std + front_end.mean
    power = (log_power.exp() - front_end.log_offset).clamp(min=0)
    total = (power * bands.width.to(x)[:, None]).sum((1, 2, 3)) / inside.sum()  # of the clip, a frame
    loud = total * 10 ** (-level[rows].to(x) / 10)
    n = loud[:, None, None, None] * bands.share[colour[rows]].to(x)[:, None, :, None] * inside
    a = normal * (n / (2 * k)).sqrt()
    more = 2 * power.sqrt() * a + a.square() + gamma * n / k
    change = (more / (power + front_end.log_offset)).clamp(min=-1 + 1e-6).log1p()
    return x.index_add(0, rows.to(x.device), change / front_end.std)


@functools.lru_cache(maxsize=32)
def noise_bands(front_end: FrontEnd) -> NoiseBands:
    """From the mel filters and the window alone."""
    import librosa

    fe = front_end
    filters = mel_filters(fe).astype(np.float64)
    frequency = np.arange(filters.shape[1]) * fe.sample_rate / fe.n_fft
    window = np.asarray(torch.hann_window(fe.window, periodic=True).double()) ** 2
    related = (
        np.abs(np.fft.rfft(window, fe.n_fft)) ** 2 / window.sum() ** 2
    )  # of bins by their distance: squared correlation
    reach = int(np.flatnonzero(related > 1e-4)[-1]) + 1
    share, freedom = [], []
    for colour in COLOURS:
        density = power_spectrum(colour, frequency)
        heard = filters * density
        variance = (heard**2).sum(1)
        for d in range(1, reach):
            variance += 2 * related[d] * (heard[:, d:] * heard[:, :-d]).sum(1)
        mean = heard.sum(1)
        share.append(mean / density.sum())
        freedom.append(np.maximum(mean**2 / np.maximum(variance, 1e-300), 1.0))
    # Each filter is a triangle of area 1; as triangles of height 1 they would add up to 1 everywhere between the outer two.
    edges = librosa.mel_frequencies(fe.mels + 2, fmin=fe.f_min, fmax=fe.f_max)
    first = np.arange(fe.frames) * fe.hop - fe.window // 2  # of each frame's window; clips are padded with zeros
    sums = np.concatenate([[0.0], np.cumsum(window)])
    cut = sums[np.clip(fe.samples - first, 0, fe.window)] - sums[np.clip(-first, 0, fe.window)]
    numbers = (np.array(share), np.array(freedom), (edges[2:] - edges[:-2]) / 2, cut / window.sum())
    return NoiseBands(*(torch.from_numpy(v).float() for v in numbers))


def _uniform(generator: Generator, count: int) -> Tensor:
    return torch.rand((count,), generator=generator)
