"""Log-mel features as a torch module, equal to those of librosa."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.records.architecture import FrontEnd

GROUP = 16  # mel bands in one matrix product; the fastest of 8, 16, 24 and 32


def mel_filters(front_end: FrontEnd, n_fft: int | None = None) -> npt.NDArray[np.float32]:
    """Compute Slaney mel filters with Slaney (area) normalisation.

    Args:
        front_end: Sample rate, number of bands and frequency range.
        n_fft: FFT length in samples, instead of the front end's.

    Returns:
        Filters of shape (mels, 1 + n_fft // 2).
    """
    import warnings

    import librosa.filters

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Empty filters")  # a band between two FFT bins is always silent
        filters = librosa.filters.mel(
            sr=front_end.sample_rate,
            n_fft=n_fft or front_end.n_fft,
            n_mels=front_end.mels,
            fmin=front_end.f_min,
            fmax=front_end.f_max,
        )
    return np.asarray(filters, np.float32)


class LogMel(nn.Module):
    """Transforms waveforms to log-mel features.

    The input is float32 of shape (B, samples) at the front end's sample rate, full scale 1. The output is float32 of shape
    (B, mels, frames). The steps are librosa's `melspectrogram(center=True, pad_mode="constant", window="hann", power=2)`,
    then (log(mel + log_offset) - mean) / std with the natural logarithm. They are always computed in float32, with autocast
    too.

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
        self.register_buffer("window", torch.hann_window(front_end.window, periodic=True), persistent=False)
        filters = torch.from_numpy(mel_filters(front_end))
        self.ranges: list[tuple[int, int]] = []
        for i, group in enumerate(torch.split(filters, GROUP)):
            bins = group.sum(0).nonzero().flatten().tolist() or [0]
            first, end = bins[0], bins[-1] + 1
            self.ranges.append((2 * first, 2 * end))
            self.register_buffer(
                f"filters{i}", group[:, first:end].repeat_interleave(2, 1).T.contiguous(), persistent=False
            )

    def forward(self, waveform: Tensor) -> Tensor:
        fe = self.front_end
        needed = (fe.frames - 1) * fe.hop
        if waveform.ndim != 2 or waveform.shape[1] < needed:
            raise ValueError(f"expected (clips, at least {needed} samples), found {tuple(waveform.shape)}")
        before = fe.n_fft // 2 - (fe.n_fft - fe.window) // 2  # zeros before sample 0, the centre of the first window
        after = max(needed - before + fe.window - waveform.shape[1], 0)
        with torch.autocast(waveform.device.type, enabled=False):
            padded = F.pad(waveform.float(), (before, after))
            frames = padded.unfold(1, fe.window, fe.hop)[:, : fe.frames] * self.get_buffer("window")
            spectrum = torch.view_as_real(torch.fft.rfft(frames.flatten(0, 1), fe.n_fft))
            squares = spectrum.flatten(1).square_()  # real and imaginary part of each bin in turn
            bands = [squares[:, a:b] @ self.get_buffer(f"filters{i}") for i, (a, b) in enumerate(self.ranges)]
            mel = torch.cat(bands, dim=1).view(len(waveform), fe.frames, fe.mels)
            return ((mel + fe.log_offset).log_() - fe.mean).div_(fe.std).transpose(1, 2)
