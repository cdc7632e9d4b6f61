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
from torch.nn import functional as F


class LogMel(nn.Module):
    """Waveforms (B, samples) to log-mel (B, mels, frames) float32: hann STFT, mel filters on power, logarithm, scaling."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Prepare buffers; the mel filters come with the weights.

        Args:
            settings: sample_rate (Hz), seconds, n_fft, hop, window (samples), mels, frames, log_offset, mean, std, and `ranges`:
                for each group of filters their number, and the first and last row that they weight of the spectrum's real and
                imaginary parts in turn.
        """
        super().__init__()
        self.settings = dict(settings)
        self.register_buffer("window", torch.zeros(settings["window"]))
        for i, (bands, first, end) in enumerate(settings["ranges"]):
            self.register_buffer(f"filters{i}", torch.zeros(end - first, bands))

    @property
    def samples(self) -> int:
        """Samples of one clip."""
        return round(self.settings["seconds"] * self.settings["sample_rate"])

    def forward(self, waveform: Tensor) -> Tensor:
        s = self.settings
        needed = (s["frames"] - 1) * s["hop"]
        before = s["n_fft"] // 2 - (s["n_fft"] - s["window"]) // 2  # what the first window lacks, centred on sample 0
        after = max(needed - before + s["window"] - waveform.shape[1], 0)
        padded = F.pad(waveform.float(), (before, after))
        frames = padded.unfold(1, s["window"], s["hop"])[:, : s["frames"]] * self.get_buffer("window")
        spectrum = torch.view_as_real(torch.fft.rfft(frames.flatten(0, 1), s["n_fft"]))
        squares = spectrum.flatten(1).square_()  # re, im of each bin in turn, each with a row of the filters
        bands = [squares[:, a:b] @ self.get_buffer(f"filters{i}") for i, (_, a, b) in enumerate(s["ranges"])]
        mel = torch.cat(bands, dim=1).view(len(waveform), s["frames"], s["mels"])
        return ((mel + s["log_offset"]).log_() - s["mean"]).div_(s["std"]).transpose(1, 2)

    @torch.inference_mode()
    def of_files(self, paths: Sequence[str]) -> list[Tensor]:
        """Compute the inputs of files.

        Args:
            paths: Audio files.

        Returns:
            Log-mels (1, 1, mels, frames) float16, the precision that the student was trained on, in order.
        """
        waves = torch.from_numpy(np.stack([self.read(path) for path in paths]))
        with _one_thread():
            return [x.half()[None, None] for x in self(waves)]

    def read(self, path: str) -> np.ndarray:
        """Read the start of a file.

        Args:
            path: An audio file.

        Returns:
            The first `seconds`, the mean of the channels, at the front end's rate, padded with zeros; (samples,) float32.
        """
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
