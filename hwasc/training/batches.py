"""Batches of log-mel, labels and targets: shuffled and augmented by a seed that also counts the epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hwasc.audio import augmentation
from hwasc.data.features import Features
from hwasc.records.architecture import FrontEnd
from hwasc.records.settings import AugmentSettings
from hwasc.training.lanes import place

Batch = tuple[Tensor, Tensor, "Tensor | None"]  # log-mel (B, 1, F, T), labels (B,), teacher logits (B, classes)


@dataclass(frozen=True)
class Augment:
    """Augmentation settings with the impulse responses they need, (R, mels) in units of the front end, or None."""

    settings: AugmentSettings
    responses: Tensor | None = None
    front_end: FrontEnd | None = None

    def __call__(self, x: Tensor, devices: np.ndarray, generator: torch.Generator) -> Tensor:
        """An augmented copy of a batch; `devices` names each clip's recorder."""
        s = self.settings
        if self.responses is not None and s.response_p > 0:
            named = np.isin(devices, s.response_devices) if s.response_devices else np.ones(len(devices), bool)
            chosen = torch.from_numpy(named)
            x = augmentation.device_response(x, generator, self.responses, chosen, s.response_p, self.front_end)
        if self.front_end is not None and s.gain > 0:
            x = augmentation.gain(x, generator, s.gain, self.front_end)
        x = augmentation.time_roll(x, generator, s.roll)
        x = augmentation.freq_mixstyle(x, generator, s.mixstyle_alpha, s.mixstyle_p)
        return augmentation.frequency_mask(x, generator, s.mask)


def training_batches(
    features: Features,
    targets: np.ndarray | None,
    batch: int,
    augment: Augment | None,
    seed: int,
    epoch: int,
    rows: np.ndarray | None = None,
) -> Iterator[Batch]:
    """One epoch over `features` (over `rows` of it, if given) in an order drawn from (seed, epoch).

    targets: (n, classes) float32 logits of all n clips, or None.

    The last batch is dropped where a single clip would be left (batch norm needs two), or fewer than processes share it.
    """
    rng = np.random.default_rng([seed, epoch])
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    order = rng.permutation(len(features) if rows is None else rows)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        if len(chosen) < _least():
            return
        x = features.batch(chosen)
        if augment is not None:
            x = augment(x, features.devices[chosen], generator)
        soft = torch.from_numpy(targets[chosen]) if targets is not None else None
        yield x, torch.from_numpy(features.labels[chosen]), soft


def steps(count: int, batch: int) -> int:
    """Batches that `training_batches` gives for `count` clips."""
    whole, rest = divmod(count, batch)
    return whole + (rest >= _least())


def _least() -> int:
    return max(2, place()[1])
