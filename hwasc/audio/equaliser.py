"""Recording devices without recordings of them: random smooth equalisers and band limits.

A response is a function of frequency, so the same draws give it in every front end, and in the waveform.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from hwasc.audio.band_gains import band_log_gains, bin_frequencies, scale_bands
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.front_end import FrontEnd

WAVES = 8  # cosines of a curve; with fewer, curves of one draw look alike
LEAST_DECIBELS = -60.0
PER_OCTAVE = 20 * math.log10(2)  # dB by which a filter of first order falls


@dataclass(frozen=True, eq=False, kw_only=True)
class Responses:
    """Random frequency responses of B devices. All tensors are float32 on the CPU.

    Attributes:
        spread: Standard deviation of the equalisers, dB; 0 where a clip has none; (B,).
        rate: Rates of their cosines, radians a mel, (B, WAVES).
        phase: Phases of their cosines, radians, (B, WAVES).
        low: Lower cut-off frequencies, Hz; 0: none; (B,).
        high: Upper cut-off frequencies, Hz; infinite: none; (B,).
        slope: dB an octave beyond both cut-offs, (B,).
    """

    spread: Tensor
    rate: Tensor
    phase: Tensor
    low: Tensor
    high: Tensor
    slope: Tensor

    def decibels(self, frequency: Tensor) -> Tensor:
        """Compute the gains at some frequencies.

        The equaliser is sqrt(2 / WAVES) spread times the sum of cos(rate m + phase) over the cosines, at frequency m on the mel
        scale. The band limits fall as Butterworth filters of the order slope / 6.02 do.

        Args:
            frequency: Hz, (F,).

        Returns:
            dB, (B, F), -60 at least.
        """
        mel = 1127 * torch.log1p(frequency / 700)
        waves = torch.zeros(len(self.spread), len(frequency))
        for k in range(WAVES):
            waves += torch.cos(self.rate[:, k, None] * mel + self.phase[:, k, None])
        curve = self.spread[:, None] * math.sqrt(2 / WAVES) * waves
        order = self.slope[:, None] / PER_OCTAVE
        below = (self.low[:, None] / frequency.clamp(min=1e-3)).pow(2 * order)
        above = (frequency / self.high[:, None]).pow(2 * order)
        limits = -10 * (torch.log10(1 + below) + torch.log10(1 + above))
        return (curve + limits).clamp(min=LEAST_DECIBELS)

    def changed(self) -> Tensor:
        """Which clips have an equaliser or band limits, bool of shape (B,)."""
        return (self.spread > 0) | (self.low > 0) | self.high.isfinite()


def draw_responses(count: int, generator: Generator, settings: AugmentSettings) -> Responses:
    """Draw responses, each by itself.

    Equalisers come from a Gaussian process on the mel scale 1127 ln(1 + f / 700), by random Fourier features (Rahimi and Recht,
    Random features for large-scale kernel machines, 2007): at two frequencies d mel apart their covariance is
    equaliser_db^2 exp(-d^2 / (2 equaliser_mel^2)).

    Args:
        count: Number of clips.
        generator: Source of the draws, as many whatever the settings are.
        settings: How often, and from which ranges: cut-offs are drawn uniformly in octaves, slopes uniformly.

    Returns:
        The responses.
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    def between(limits: tuple[float, float], share: Tensor) -> Tensor:
        return limits[0] * (limits[1] / limits[0]) ** share

    s, slopes = settings, settings.band_limit_slope
    equalised, limited = uniform(count) < s.equaliser_p, uniform(count) < s.band_limit_p
    rate = torch.randn((count, WAVES), generator=generator) / s.equaliser_mel
    phase = 2 * math.pi * uniform(count, WAVES)
    low, high = between(s.band_limit_low, uniform(count)), between(s.band_limit_high, uniform(count))
    slope = slopes[0] + (slopes[1] - slopes[0]) * uniform(count)
    return Responses(
        spread=torch.where(equalised, s.equaliser_db, 0.0),
        rate=rate,
        phase=phase,
        low=torch.where(limited, low, 0.0),
        high=torch.where(limited, high, math.inf),
        slope=slope,
    )


def equalised(x: Tensor, responses: Responses, front_end: FrontEnd) -> Tensor:
    """Record clips with other devices, in log-mel.

    Exact for a sound whose spectrum is flat within each band, and for bands as quiet as the offset, which stay so. Compared with
    filtering white noise in the waveform (24 draws of the default settings, 256 bands), the mean absolute error is 0.019 in
    natural-log power, where the responses change it by 1.6 in the mean.

    Args:
        x: Log-mel batch of shape (B, 1, mels, frames).
        responses: B responses.
        front_end: Front end of x.

    Returns:
        A batch of the same shape.
    """
    chosen = responses.changed()
    if not chosen.any():
        return x
    amplitude = 10 ** (responses.decibels(bin_frequencies(front_end))[chosen] / 20)
    rows, gains = chosen.nonzero().flatten().to(x.device), band_log_gains(amplitude, front_end).to(x)
    return x.index_copy(0, rows, scale_bands(x[rows], gains[:, None, :, None], front_end))


def equalised_waveform(waveform: Tensor, responses: Responses, sample_rate: int) -> Tensor:
    """Record clips with other devices, in the waveform: a filter without delay, with zeros beyond the ends of a clip.

    Args:
        waveform: (B, samples).
        responses: B responses.
        sample_rate: Hz.

    Returns:
        Waveforms of the same shape.
    """
    samples = waveform.shape[1]
    n = 1 << (samples + sample_rate // 2 - 1).bit_length()  # the filters last well below half a second
    frequency = torch.arange(1 + n // 2) * (sample_rate / n)
    amplitude = (10 ** (responses.decibels(frequency) / 20)).to(waveform)
    return torch.fft.irfft(torch.fft.rfft(waveform, n) * amplitude, n)[:, :samples]
