"""An audio model of transformers with a linear classifier on top, all of which is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hwasc.data.changes import Change
from hwasc.data.clips import Clip
from hwasc.data.waveforms import read_waves
from hwasc.ensemble.embedding.hf_net import extracted, feature_extractor, load_model, pooled
from hwasc.parallel.device import mixed_precision
from hwasc.training.weights import load_weights

BATCH = 16  # clips whose logits are computed at once


@dataclass(frozen=True, kw_only=True)
class FineTunedSpec:
    """A model and the clips that it takes.

    Attributes:
        folder: Of the model, see `hf_folder`.
        seconds: Length of a clip, s.
        classes: Number of classes.
    """

    folder: Path
    seconds: float
    classes: int


class FineTunedNet(nn.Module):
    """Waveforms at the rate of the model's feature extractor to logits. What the extractor makes of them is not trained.

    Args:
        spec: The model.

    Raises:
        DataError: It cannot be loaded, or cannot be run on sound alone.
    """

    def __init__(self, spec: FineTunedSpec) -> None:
        super().__init__()
        self.folder, self.extractor = spec.folder, feature_extractor(spec.folder)
        self.rate: int = self.extractor.sampling_rate
        self.samples = round(spec.seconds * self.rate)
        self.body = load_model(spec.folder, "AutoModel")
        config: Any = self.body.config
        if hasattr(config, "apply_spec_augment"):  # wav2vec 2.0 and others: it would draw from NumPy's global generator
            config.apply_spec_augment = False
        with torch.no_grad():
            size = self._embedded(torch.zeros(1, 1, 1, self.samples)).shape[1]
        self.head = nn.Linear(size, spec.classes)

    def forward(self, waves: Tensor) -> Tensor:
        """Compute logits: (B, 1, 1, samples) -> (B, classes)."""
        logits: Tensor = self.head(self._embedded(waves))
        return logits

    def _embedded(self, waves: Tensor) -> Tensor:
        inputs = extracted(self.extractor, waves.flatten(1).cpu().numpy())
        return pooled(self.body, inputs.to(waves.device), self.folder)


def load_fine_tuned(path: Path, spec: FineTunedSpec) -> FineTunedNet:
    """Load a fine-tuned net.

    Args:
        path: Its weights.
        spec: The model that it was made of.

    Returns:
        The net, in eval mode.

    Raises:
        DataError: A file is damaged.
    """
    net = FineTunedNet(spec)
    net.load_state_dict(load_weights(path))
    return net.eval()


@torch.no_grad()
def fine_tuned_logits(
    net: FineTunedNet, clips: Sequence[Clip], change: Change | None, device: torch.device
) -> np.ndarray:
    """Compute logits of clips.

    Args:
        net: The net.
        clips: n clips.
        change: What is done to their waveforms.
        device: Where to compute.

    Returns:
        (n, classes) float32.

    Raises:
        DataError: A clip cannot be read any more.
    """
    net.to(device).eval()
    out = []
    for waves in _in_batches(read_waves(clips, net.rate, change)):
        with mixed_precision(device):
            out.append(net(torch.from_numpy(waves)[:, None, None].to(device)).float().cpu().numpy())
    return np.concatenate(out)


def _in_batches(waves: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    batch: list[np.ndarray] = []
    for wave in waves:
        batch.append(wave)
        if len(batch) == BATCH:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
