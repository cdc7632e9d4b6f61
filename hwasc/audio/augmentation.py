"""Augmentation of log-mel batches (B, 1, mels, frames), each drawing from the generator it is given.

The generator lives on the CPU whatever the device of the batch, so the same seed gives the same draws everywhere. Each takes
as many numbers from it whatever the size of a clip: the same seed then does the same to the same clips in two front ends.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from hwasc.audio.frontend import mel_filters
from hwasc.audio.reading import AUDIO_SUFFIXES, UnreadableClip, duration, read_clip
from hwasc.errors import DataError
from hwasc.records.architecture import FrontEnd

EPSILON = 1e-6


def freq_mixstyle(x: Tensor, generator: Generator, alpha: float = 0.4, p: float = 0.4) -> Tensor:
    """Freq-MixStyle: each band takes on a mixture of its own and another clip's mean and standard deviation.

    Kim et al., Domain generalization with relaxed instance frequency-wise normalization, 2022; Schmid et al., DCASE
    2022. Statistics over channel and time, mixed with lambda ~ Beta(alpha, alpha) per clip, no gradient through them.
    The whole batch is changed with probability p.
    """
    apply = _uniform(generator, 1).item() < p
    if not apply or len(x) < 2:
        return x
    share = _beta(generator, alpha, len(x)).to(x).view(-1, 1, 1, 1)
    other = torch.randperm(len(x), generator=generator).to(x.device)
    variance, mean = torch.var_mean(x.detach(), dim=(1, 3), keepdim=True, correction=0)
    std = (variance + EPSILON).sqrt()
    mixed_mean = share * mean + (1 - share) * mean[other]
    mixed_std = share * std + (1 - share) * std[other]
    return (x - mean) / std * mixed_std + mixed_mean


def time_roll(x: Tensor, generator: Generator, share: float = 0.1, view: View | None = None) -> Tensor:
    """Roll each clip in time, circularly, by up to `share` (0 ... 1) of its frames either way."""
    frames = x.shape[3]
    most = int(share * (view.drawn_in.frames if view else frames))
    shift = torch.randint(-most, most + 1, (len(x), 1), generator=generator)
    if view:
        shift = (shift * view.hops()).round().long()
    source = ((torch.arange(frames) - shift) % frames).to(x.device)
    return x.gather(3, source[:, None, None, :].expand_as(x))


def frequency_mask(x: Tensor, generator: Generator, share: float = 0.15, view: View | None = None) -> Tensor:
    """Set one run of bands per clip to the clip's own mean; its width is uniform from 0 to `share` (0 ... 1) of all.

    Park et al., SpecAugment, 2019, without the time mask.
    """
    bands = view.drawn_in.mels if view else x.shape[2]
    width = torch.randint(0, int(share * bands) + 1, (len(x), 1), generator=generator)
    first = (_uniform(generator, len(x), 1) * (bands - width + 1)).long()
    band = view.bands() if view else torch.arange(bands)
    masked = ((band >= first) & (band < first + width)).to(x.device)
    return torch.where(masked[:, None, :, None], x.mean(dim=(1, 2, 3), keepdim=True), x)


@dataclass(frozen=True)
class View:
    """Clips in one front end that are to be changed as they were in another, in which the sizes are drawn."""

    front_end: FrontEnd
    drawn_in: FrontEnd

    def hops(self) -> float:
        """Frames of this front end in one of the other."""
        own, other = self.front_end, self.drawn_in
        return other.hop / other.sample_rate * own.sample_rate / own.hop

    def bands(self) -> Tensor:
        """The other's band, a whole number, that is nearest to the centre of each of this front end's, (mels,)."""
        import librosa

        own, other = self.front_end, self.drawn_in
        low, high = librosa.hz_to_mel(other.f_min), librosa.hz_to_mel(other.f_max)
        centres = librosa.hz_to_mel(librosa.mel_frequencies(own.mels + 2, fmin=own.f_min, fmax=own.f_max)[1:-1])
        return torch.from_numpy(np.rint((centres - low) / (high - low) * (other.mels + 1) - 1))


@dataclass(frozen=True)
class Mixing:
    """Mixup of a batch: clip i becomes share[i] of itself and the rest of clip other[i]. Both (B,)."""

    share: Tensor
    other: Tensor

    def __call__(self, values: Tensor) -> Tensor:
        """A mixture of values (B, ...): log-mel, or labels as shares of classes."""
        share = self.share.to(values).view(-1, *[1] * (values.ndim - 1))
        return share * values + (1 - share) * values[self.other.to(values.device)]

    def logits(self, values: Tensor, temperature: float) -> Tensor:
        """Logits (B, classes) whose softmax at this temperature is the mixture of the given ones' softmaxes at it.

        So the soft targets are mixed as the labels are; the mean of logits would be a geometric mean of probabilities.
        """
        own, share = F.log_softmax(values / temperature, 1), self.share.to(values)[:, None]
        return temperature * torch.logaddexp(own + share.log(), own[self.other.to(values.device)] + (-share).log1p())


def mixup(count: int, generator: Generator, alpha: float = 0.2, p: float = 1.0) -> Mixing:
    """Draw a mixup of `count` clips: shares ~ Beta(alpha, alpha) with random others; a clip is mixed with probability p.

    Zhang et al., mixup: Beyond empirical risk minimization, 2018, with a share of its own for each clip.
    """
    share = _beta(generator, alpha, count).float()
    other = torch.randperm(count, generator=generator)
    return Mixing(torch.where(_uniform(generator, count) < p, share, torch.ones(())), other)


def gain(x: Tensor, generator: Generator, decibels: float, front_end: FrontEnd) -> Tensor:
    """Make each clip louder or quieter by up to `decibels` either way, uniformly; front_end: that of x.

    As if the waveform had been scaled: what lies near the log offset hardly moves.
    """
    change = (2 * _uniform(generator, len(x)) - 1).to(x).view(-1, 1, 1, 1) * decibels * math.log(10) / 10
    return _scale_power(x, change, front_end)


def _scale_power(x: Tensor, log_change: Tensor, front_end: FrontEnd) -> Tensor:
    """x with its power above the log offset times exp(log_change)."""
    floor, std = (math.log(front_end.log_offset) - front_end.mean) / front_end.std, front_end.std
    power = torch.expm1((x - floor) * std).clamp(min=0)  # in units of the log offset
    return torch.log1p(power * torch.exp(log_change)) / std + floor


def device_response(
    x: Tensor, generator: Generator, responses: Tensor, apply_to: Tensor, p: float, front_end: FrontEnd | None = None
) -> Tensor:
    """Let chosen clips sound as if recorded by another device: add a random response to each, in log-mel.

    Morocutti et al., Device-robust acoustic scene classification via impulse response augmentation, 2023, moved from
    the waveform to the log-mel domain. responses: (R, mels), see `load_responses`. apply_to: bool (B,), the clips that
    may change (as a rule those of the main device); each does with probability p. front_end: that of x, to take its log
    offset out and put it back: bands as quiet as the offset then stay so, as they do when the sound is filtered.

    Against convolving the waveform with 17 microphone responses (256 bands, n_fft 4096) the mean absolute error is
    0.045 in natural-log power on white noise and 0.061 on city recordings; without `front_end` it is 0.056 and 0.59.
    """
    index = torch.randint(0, len(responses), (len(x),), generator=generator)
    chosen = (_uniform(generator, len(x)) < p) & apply_to.cpu()
    rows = chosen.nonzero().flatten().to(x.device)
    response = responses.to(x)[index.to(x.device)[rows]][:, None, :, None]
    if front_end is None:
        return x.index_add(0, rows, response.expand_as(x[rows]))
    return x.index_copy(0, rows, _scale_power(x[rows], response * front_end.std, front_end))


def load_responses(folder: Path, front_end: FrontEnd) -> Tensor:
    """Impulse responses of devices as log-mel offsets: float32 (R, mels), files in alphabetical order.

    Every audio file in `folder` is read whole, resampled to the front end's rate and becomes log(M |H|^2 / M 1), with M
    the mel filters on a frequency grid fine enough for its length, minus its mean over the bands, divided by the front
    end's std. That is what convolving does to the log-mel of a sound whose spectrum is flat within each band. Bands
    more than 60 dB below the strongest are taken as 60 dB below.

    Raises DataError: no folder, no audio files, an unreadable file.
    """
    files = [f for f in sorted(Path(folder).glob("*")) if f.suffix.lower() in AUDIO_SUFFIXES and f.name[0] != "."]
    if not files:
        raise DataError(f"{folder}: holds no impulse responses; expected audio files, one per device")
    filters = functools.cache(lambda n_fft: mel_filters(front_end, n_fft).astype(np.float64))
    return torch.stack([_response(file, front_end, filters) for file in files])


def _response(file: Path, front_end: FrontEnd, filters: Callable[[int], npt.NDArray[np.float64]]) -> Tensor:
    try:
        impulse = read_clip(file, 0.0, duration(file), front_end.sample_rate)
    except UnreadableClip as e:
        raise DataError(f"{file}: cannot be used as an impulse response ({e})") from None
    n_fft = max(front_end.n_fft, 1 << (len(impulse) - 1).bit_length())
    mel = filters(n_fft)
    gain = mel @ np.abs(np.fft.rfft(impulse, n_fft)) ** 2 / np.maximum(mel.sum(axis=1), 1e-30)
    response = np.log(np.maximum(gain, gain.max() * 1e-6))
    return torch.from_numpy((response - response.mean()) / front_end.std).float()


def _uniform(generator: Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator)


def _beta(generator: Generator, alpha: float, count: int) -> Tensor:
    """Beta(alpha, alpha) draws; torch's own distribution takes no generator, so numpy's is seeded from it."""
    seed = int(torch.randint(2**62, (1,), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, count))
