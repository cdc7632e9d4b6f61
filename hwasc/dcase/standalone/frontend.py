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
    """Waveforms (B, samples) to log-mel (B, mels, frames) float32: pre-emphasis, STFT, mel filters, logarithm, scaling."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Prepare buffers; the mel filters come with the weights.

        Args:
            settings: Of hwasc's `FrontEnd`: sample_rate (Hz), seconds, n_fft, hop, window (samples), mels, frames, edges,
                pre_emphasis, pre_emphasis_of, remove_mean, power, log_offset, log_floor, log, mean, std. And `ranges`: for each
                group of filters their number, and the first and last row that they weight of the spectrum: of its real and
                imaginary parts in turn, or of its magnitudes.
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
        frames = self.frames(waveform) * self.get_buffer("window")
        spectrum = torch.fft.rfft(frames.flatten(0, 1), s["n_fft"])
        if s["power"] == 2:
            bins = torch.view_as_real(spectrum).flatten(1).square_()  # re, im in turn, each with a row of the filters
        else:
            bins = spectrum.abs()
        bands = [bins[:, a:b] @ self.get_buffer(f"filters{i}") for i, (_, a, b) in enumerate(s["ranges"])]
        mel = torch.cat(bands, dim=1).view(len(waveform), s["frames"], s["mels"]) + s["log_offset"]
        if s["log_floor"] > 0:
            mel.clamp_(min=s["log_floor"])
        logs = mel.log_() if s["log"] == "natural" else mel.log10_().mul_(10)
        return (logs - s["mean"]).div_(s["std"]).transpose(1, 2)

    def frames(self, waveform: Tensor) -> Tensor:
        """Cut waveforms (B, samples) into overlapping frames (B, frames, window)."""
        s, x = self.settings, waveform.float()
        emphasis = s["pre_emphasis"]
        if emphasis and s["pre_emphasis_of"] == "clip":
            x = x[:, 1:] - emphasis * x[:, :-1]
        before = s["n_fft"] // 2 - (s["n_fft"] - s["window"]) // 2  # what the first window lacks, centred on sample 0
        before = 0 if s["edges"] == "none" else before
        after = max((s["frames"] - 1) * s["hop"] - before + s["window"] - x.shape[1], 0)
        x = F.pad(x, (before, after), mode="reflect" if s["edges"] == "reflect" else "constant")
        frames = x.unfold(1, s["window"], s["hop"])[:, : s["frames"]]
        if s["remove_mean"]:
            frames = frames - frames.mean(2, keepdim=True)
        if emphasis and s["pre_emphasis_of"] == "frame":
            frames = frames - emphasis * torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
        return frames

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
