"""Gains of mel bands: what a filter on the waveform does to the log-mel of any front end."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from hwasc.audio.frontend import mel_filters
from hwasc.records.front_end import FrontEnd

LEAST = 1e-6  # of a power's gain: 60 dB below counts as much as silence


def log_unit(front_end: FrontEnd) -> float:
    """A unit of the front end's logarithm as a natural logarithm: 1, or ln(10) / 10 for decibels."""
    return 1.0 if front_end.log == "natural" else math.log(10) / 10


def of_decibels(decibels: Tensor, front_end: FrontEnd) -> Tensor:
    """Convert gains of a sound to gains of its bands, which add up powers or magnitudes.

    Args:
        decibels: dB, of any shape.
        front_end: The front end.

    Returns:
        Natural logarithms of the bands' gains, see `scale_bands`.
    """
    return decibels * math.log(10) / 10 * (front_end.power / 2)


def scale_bands(x: Tensor, log_gain: Tensor, front_end: FrontEnd) -> Tensor:
    """Scale the bands of log-mels as if they were scaled before the offset and the logarithm.

    A band as quiet as the front end's offset or floor stays so: there is nothing in it to be scaled. A floor is taken for an
    offset (exact for bands well above it), because values at the floor are a rounding above or below it.

    Args:
        x: Log-mel batch of shape (B, 1, mels, frames).
        log_gain: Natural logarithms of the gains, which broadcast to x; see `of_decibels`.
        front_end: Front end of x.

    Returns:
        A batch of the same shape.
    """
    fe, scale = front_end, front_end.std * log_unit(front_end)
    silence = (math.log(max(fe.log_offset, fe.log_floor)) / log_unit(fe) - fe.mean) / fe.std
    amount = torch.expm1((x - silence) * scale).clamp(min=0)  # in units of the offset
    return torch.log1p(amount * torch.exp(log_gain)) / scale + silence


def band_log_gains(amplitude: Tensor, front_end: FrontEnd) -> Tensor:
    """Compute the gains of the bands for a sound whose spectrum is flat within each band.

    Args:
        amplitude: Gains of the amplitude at the frequencies of `bin_frequencies`, (B, bins).
        front_end: The front end.

    Returns:
        Natural logarithms of the gains, (B, mels), see `scale_bands`.
    """
    filters = _shares(front_end).to(amplitude)
    least = LEAST ** (front_end.power / 2)
    return (amplitude.pow(front_end.power) @ filters.T).clamp(min=least).log()


def bin_frequencies(front_end: FrontEnd) -> Tensor:
    """The frequencies of the front end's FFT, Hz, (1 + n_fft // 2,)."""
    return torch.arange(1 + front_end.n_fft // 2) * (front_end.sample_rate / front_end.n_fft)


@functools.lru_cache(maxsize=32)
def _shares(front_end: FrontEnd) -> Tensor:
    """The mel filters, each with the sum 1 (a silent band: 0)."""
    filters = torch.from_numpy(mel_filters(front_end))
    return filters / filters.sum(1, keepdim=True).clamp(min=1e-30)
