"""Waveform to log-mel, exactly as librosa computes it, as a torch module of buffers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.records.architecture import FrontEnd

GROUP = 16  # mel bands multiplied at once over the bins they touch; of 8, 16, 24 and 32 the fastest


def mel_filters(front_end: FrontEnd, n_fft: int | None = None) -> npt.NDArray[np.float32]:
    """Slaney mel filters with slaney (area) norm, shape (mels, 1 + n_fft // 2)."""
    import warnings

    import librosa.filters

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Empty filters")  # bands between two bins stay at silence
        filters = librosa.filters.mel(
            sr=front_end.sample_rate,
            n_fft=n_fft or front_end.n_fft,
            n_mels=front_end.mels,
            fmin=front_end.f_min,
            fmax=front_end.f_max,
        )
    return np.asarray(filters, np.float32)


class LogMel(nn.Module):
    """Waveform (B, samples) float32 at the front end's rate, full scale 1, to log-mel (B, mels, frames) float32.

    The steps are librosa's `melspectrogram(center=True, pad_mode="constant", window="hann", power=2)`, then
    (log(mel + log_offset) - mean) / std with the natural logarithm. Always computed in float32, whatever autocast says.
    Raises ValueError for fewer samples than `frames` need.

    Half of the time is the FFT's own. Only the window's samples are gathered: where it stands within n_fft samples turns phases,
    not powers. Squares of real and imaginary parts are summed by the mel product itself, whose filters hold every bin twice, and
    which goes by groups of bands over the bins that they touch.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        super().__init__()
        self.front_end = front_end
        self.register_buffer("window", torch.hann_window(front_end.window, periodic=True), persistent=False)
        filters = torch.from_numpy(mel_filters(front_end))
        self.ranges: list[tuple[int, int]] = []
        for i, group in enumerate(torch.split(filters, GROUP)):
            touched = group.sum(0).nonzero().flatten().tolist() or [0]
            first, end = touched[0], touched[-1] + 1
            self.ranges.append((2 * first, 2 * end))
            self.register_buffer(
                f"filters{i}", group[:, first:end].repeat_interleave(2, 1).T.contiguous(), persistent=False
            )

    def forward(self, waveform: Tensor) -> Tensor:
        fe = self.front_end
        needed = (fe.frames - 1) * fe.hop
        if waveform.ndim != 2 or waveform.shape[1] < needed:
            raise ValueError(f"expected (clips, at least {needed} samples), found {tuple(waveform.shape)}")
        before = fe.n_fft // 2 - (fe.n_fft - fe.window) // 2  # what the first window lacks, centred on sample 0
        after = max(needed - before + fe.window - waveform.shape[1], 0)
        with torch.autocast(waveform.device.type, enabled=False):
            padded = F.pad(waveform.float(), (before, after))
            frames = padded.unfold(1, fe.window, fe.hop)[:, : fe.frames] * self.get_buffer("window")
            spectrum = torch.view_as_real(torch.fft.rfft(frames.flatten(0, 1), fe.n_fft))
            squares = spectrum.flatten(1).square_()  # re, im of each bin in turn
            bands = [squares[:, a:b] @ self.get_buffer(f"filters{i}") for i, (a, b) in enumerate(self.ranges)]
            mel = torch.cat(bands, dim=1).view(len(waveform), fe.frames, fe.mels)
            return ((mel + fe.log_offset).log_() - fe.mean).div_(fe.std).transpose(1, 2)
