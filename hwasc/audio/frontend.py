"""Waveform to log-mel, exactly as librosa computes it, as a torch module of buffers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hwasc.records.architecture import FrontEnd

GROUP = 32  # mel bands multiplied at once over the bins they touch; of 16, 32 and 64 the fastest or nearly so


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

    Each band touches few bins, so the filters are multiplied in groups over the bins of the group: 5 times faster than
    the whole matrix at 256 bands of 4096 samples.
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
            self.ranges.append((first, end))
            self.register_buffer(f"filters{i}", group[:, first:end].clone(), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        fe = self.front_end
        needed = (fe.frames - 1) * fe.hop
        if waveform.ndim != 2 or waveform.shape[1] < needed:
            raise ValueError(f"expected (clips, at least {needed} samples), found {tuple(waveform.shape)}")
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.stft(
                waveform.float(),
                fe.n_fft,
                fe.hop,
                fe.window,
                self.get_buffer("window"),
                center=True,
                pad_mode="constant",
                return_complex=True,
            )[:, :, : fe.frames]
            parts = torch.view_as_real(spectrum)
            power = parts[..., 0].square() + parts[..., 1].square()
            bands = [self.get_buffer(f"filters{i}") @ power[:, a:b] for i, (a, b) in enumerate(self.ranges)]
            return (torch.log(torch.cat(bands, dim=1) + fe.log_offset) - fe.mean) / fe.std
