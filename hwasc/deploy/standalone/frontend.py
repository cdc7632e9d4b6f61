"""Audio files to log-mel, as the student was trained on it: soundfile, soxr and torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor, nn


class LogMel(nn.Module):
    """Waveforms (B, samples) to log-mel (B, mels, frames) float32: hann STFT, mel filters on power, logarithm, scaling.

    settings: sample_rate (Hz), seconds, n_fft, hop, window (samples), mels, frames, log_offset, mean, std, and `ranges`, the
    first and last bins that each group of filters touches. The filters themselves come with the weights.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.settings = dict(settings)
        self.register_buffer("window", torch.zeros(settings["window"]))
        for i, (bands, first, end) in enumerate(settings["ranges"]):
            self.register_buffer(f"filters{i}", torch.zeros(bands, end - first))

    @property
    def samples(self) -> int:
        """Samples of one clip."""
        return round(self.settings["seconds"] * self.settings["sample_rate"])

    def forward(self, waveform: Tensor) -> Tensor:
        s = self.settings
        spectrum = torch.stft(
            waveform.float(),
            s["n_fft"],
            s["hop"],
            s["window"],
            self.get_buffer("window"),
            center=True,
            pad_mode="constant",
            return_complex=True,
        )[:, :, : s["frames"]]
        parts = torch.view_as_real(spectrum)
        power = parts[..., 0].square() + parts[..., 1].square()
        bands = [self.get_buffer(f"filters{i}") @ power[:, a:b] for i, (_, a, b) in enumerate(s["ranges"])]
        return (torch.log(torch.cat(bands, dim=1) + s["log_offset"]) - s["mean"]) / s["std"]

    @torch.inference_mode()
    def of_files(self, paths: Sequence[str]) -> list[Tensor]:
        """Files to inputs (1, 1, mels, frames) float16, the precision that the student was trained on, in order."""
        waves = torch.from_numpy(np.stack([self.read(path) for path in paths]))
        with _one_thread():
            return [x.half()[None, None] for x in self(waves)]

    def read(self, path: str) -> np.ndarray:
        """The first `seconds` of a file, the mean of its channels, at the front end's rate; (samples,) float32."""
        with soundfile.SoundFile(path) as f:
            rate = f.samplerate
            wave = f.read(round(self.settings["seconds"] * rate), dtype="float32", always_2d=True)
        mono = wave[:, 0] if wave.shape[1] == 1 else wave.mean(axis=1)
        if rate != self.settings["sample_rate"]:
            mono = soxr.resample(mono, rate, self.settings["sample_rate"], quality="HQ")
        mono = mono[: self.samples]
        return np.pad(mono, (0, self.samples - len(mono))).astype(np.float32, copy=False)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The rounding of a matrix product depends on the number of threads; the log-mel must not."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
