"""Log-mel features as a torch module, equal to those of librosa and of the published nets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.records.front_end import FrontEnd

GROUP = 16  # mel bands in one matrix product; the fastest of 8, 16, 24 and 32


def hertz_to_mel(frequencies: npt.ArrayLike, front_end: FrontEnd) -> npt.NDArray[np.float64]:
    """Convert frequencies to the front end's mel scale.

    Args:
        frequencies: Hz.
        front_end: Its scale counts.

    Returns:
        Mel, of the same shape.
    """
    import librosa

    hertz = np.asarray(frequencies, np.float64)
    return np.asarray(librosa.hz_to_mel(hertz, htk=front_end.mel_scale == "htk"), np.float64)


def mel_points(front_end: FrontEnd) -> npt.NDArray[np.float64]:
    """Compute where the filters begin, peak and end: filter b from point b by point b + 1 to point b + 2.

    Args:
        front_end: Bands, frequency range and scale.

    Returns:
        Hz, (mels + 2,).
    """
    import librosa

    fe = front_end
    return np.asarray(librosa.mel_frequencies(fe.mels + 2, fmin=fe.f_min, fmax=fe.f_max, htk=fe.mel_scale == "htk"))


def mel_filters(front_end: FrontEnd, n_fft: int | None = None) -> npt.NDArray[np.float32]:
    """Compute the mel filters, without the front end's gain.

    With slopes in hertz they are librosa's, with slopes in mel Kaldi's and TensorFlow's. A band between two FFT bins is silent.

    Args:
        front_end: Sample rate, bands, frequency range, scale, slopes and normalisation.
        n_fft: FFT length in samples, instead of the front end's.

    Returns:
        Filters of shape (mels, 1 + n_fft // 2).
    """
    import warnings

    import librosa.filters

    fe, points = front_end, n_fft or front_end.n_fft
    if fe.triangles == "mel":
        return _mel_triangles(fe, points)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Empty filters")  # a band between two FFT bins is always silent
        filters = librosa.filters.mel(
            sr=fe.sample_rate,
            n_fft=points,
            n_mels=fe.mels,
            fmin=fe.f_min,
            fmax=fe.f_max,
            htk=fe.mel_scale == "htk",
            norm="slaney" if fe.area_norm else None,
        )
    return np.asarray(filters, np.float32)


def _mel_triangles(fe: FrontEnd, n_fft: int) -> npt.NDArray[np.float32]:
    """Filters with slopes that are linear in mel."""
    edges = hertz_to_mel(mel_points(fe), fe)
    bins = hertz_to_mel(np.fft.rfftfreq(n_fft, 1 / fe.sample_rate), fe)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    if fe.area_norm:
        hertz = mel_points(fe)
        filters *= (2 / (hertz[2:] - hertz[:-2]))[:, None]
    return filters.astype(np.float32)


def window_of(front_end: FrontEnd) -> Tensor:
    """Compute the window, (window,) float32."""
    shape = front_end.window_shape
    hann = torch.hann_window(front_end.window, periodic=shape == "periodic")
    return hann.pow(0.85) if shape == "povey" else hann


class LogMel(nn.Module):
    """Transforms waveforms to log-mel features.

    The input is float32 of shape (B, samples) at the front end's sample rate, full scale 1. The output is float32 of shape
    (B, mels, frames). The steps are those of `FrontEnd`; with its defaults they are librosa's `melspectrogram(center=True,
    pad_mode="constant", window="hann", power=2)`, then the logarithm. They are always computed in float32, with autocast too.

    For speed, only the samples of the window are gathered: its position within n_fft samples changes phases, not powers.
    The mel product itself sums the squares of real and imaginary parts, so its filters hold every bin twice. It is computed
    for groups of bands, over the bins where their filters are not zero. The FFT takes half of the time.

    Args:
        front_end: Sizes and constants of the features.

    Raises:
        ValueError: In the forward pass, if there are fewer samples than the frames need.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        super().__init__()
        self.front_end = front_end
        self.register_buffer("window", window_of(front_end), persistent=False)
        filters = torch.from_numpy(mel_filters(front_end)) * front_end.gain
        self.parts = 2 if front_end.power == 2 else 1  # numbers of a bin: squares of both parts, or the magnitude
        self.ranges: list[tuple[int, int]] = []
        for i, group in enumerate(torch.split(filters, GROUP)):
            bins = group.sum(0).nonzero().flatten().tolist() or [0]
            first, end = bins[0], bins[-1] + 1
            self.ranges.append((self.parts * first, self.parts * end))
            self.register_buffer(
                f"filters{i}", group[:, first:end].repeat_interleave(self.parts, 1).T.contiguous(), persistent=False
            )

    def forward(self, waveform: Tensor) -> Tensor:
        fe = self.front_end
        with torch.autocast(waveform.device.type, enabled=False):
            frames = self._frames(waveform) * self.get_buffer("window")
            spectrum = torch.fft.rfft(frames.flatten(0, 1), fe.n_fft)
            if fe.power == 2:
                bins = torch.view_as_real(spectrum).flatten(1).square_()  # real and imaginary part of each bin in turn
            else:
                bins = spectrum.abs()
            bands = [bins[:, a:b] @ self.get_buffer(f"filters{i}") for i, (a, b) in enumerate(self.ranges)]
            mel = torch.cat(bands, dim=1).view(len(waveform), fe.frames, fe.mels) + fe.log_offset
            if fe.log_floor > 0:
                mel.clamp_(min=fe.log_floor)
            logs = mel.log_() if fe.log == "natural" else mel.log10_().mul_(10)
            return (logs - fe.mean).div_(fe.std).transpose(1, 2)

    def _frames(self, waveform: Tensor) -> Tensor:
        """(B, samples) to (B, frames, window), before the window's weights."""
        fe = self.front_end
        # before sample 0, which is the centre of the first window
        before = 0 if fe.edges == "none" else fe.n_fft // 2 - (fe.n_fft - fe.window) // 2
        needed = (fe.frames - 1) * fe.hop + (fe.window if fe.edges == "none" else 0) + fe.samples - fe.emphasised
        if waveform.ndim != 2 or waveform.shape[1] < needed:
            raise ValueError(f"expected (clips, at least {needed} samples), found {tuple(waveform.shape)}")
        x = waveform.float()
        if fe.pre_emphasis and fe.pre_emphasis_of == "clip":
            x = x[:, 1:] - fe.pre_emphasis * x[:, :-1]
        after = max((fe.frames - 1) * fe.hop - before + fe.window - x.shape[1], 0)
        x = F.pad(x, (before, after), mode="reflect" if fe.edges == "reflect" else "constant")
        frames = x.unfold(1, fe.window, fe.hop)[:, : fe.frames]
        if fe.remove_mean:
            frames = frames - frames.mean(2, keepdim=True)
        if fe.pre_emphasis and fe.pre_emphasis_of == "frame":
            earlier = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
            frames = frames - fe.pre_emphasis * earlier
        return frames
