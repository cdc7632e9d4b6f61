"""Batches of log-mel, labels and targets: shuffled and augmented by a seed that also counts the epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hwasc.audio import augmentation
from hwasc.audio.mel_noise import additive_noise
from hwasc.data.features import Features
from hwasc.parallel.gradient_accumulation import rank_and_world
from hwasc.records.architecture import FrontEnd
from hwasc.records.data_settings import AugmentSettings

# log-mel (B, 1, F, T); labels (B,), or (B, classes) where clips are mixed; teacher logits (B, classes)
Batch = tuple[Tensor, Tensor, "Tensor | None"]


@dataclass(frozen=True)
class Augment:
    """Augmentation settings with the impulse responses they need, (R, mels) in units of the front end, or None.

    drawn_in: another front end whose draws are repeated. From the same generator the same clips are then rolled by the same time,
    masked in the same band, mixed with the same others, given the same responses, gains and kinds and levels of noise (but
    another sample of it).
    """

    settings: AugmentSettings
    responses: Tensor | None = None
    front_end: FrontEnd | None = None
    drawn_in: FrontEnd | None = None

    def __call__(self, x: Tensor, devices: np.ndarray, generator: torch.Generator) -> Tensor:
        """An augmented copy of a batch; `devices` names each clip's recorder."""
        s = self.settings
        view = augmentation.View(self.front_end, self.drawn_in) if self.front_end and self.drawn_in else None
        if self.responses is not None and s.response_p > 0:
            named = np.isin(devices, s.response_devices) if s.response_devices else np.ones(len(devices), bool)
            chosen = torch.from_numpy(named)
            x = augmentation.device_response(x, generator, self.responses, chosen, s.response_p, self.front_end)
        if self.front_end is not None and s.noise_p > 0:
            x = additive_noise(x, generator, s.noise_p, s.noise_snr, self.front_end)
        if self.front_end is not None and s.gain > 0:
            x = augmentation.gain(x, generator, s.gain, self.front_end)
        x = augmentation.time_roll(x, generator, s.roll, view)
        x = augmentation.freq_mixstyle(x, generator, s.mixstyle_alpha, s.mixstyle_p)
        return augmentation.frequency_mask(x, generator, s.mask, view)

    def batch(self, batch: Batch, devices: np.ndarray, generator: torch.Generator, classes: int, t: float) -> Batch:
        """An augmented copy of a whole batch. Where clips are mixed, so are their labels, which become shares (B, classes), and
        the targets' softmaxes at temperature t.
        """
        x, labels, soft = batch
        x = self(x, devices, generator)
        if self.settings.mixup_p == 0:
            return x, labels, soft
        mix = augmentation.mixup(len(x), generator, self.settings.mixup_alpha, self.settings.mixup_p)
        return mix(x), mix(F.one_hot(labels, classes).float()), None if soft is None else mix.logits(soft, t)


class OnlineTargets(Protocol):
    """Teachers that hear what the student hears."""

    def __call__(self, rows: np.ndarray, state: Tensor) -> Tensor:
        """Logits (B, classes) for these clips, augmented by draws from a generator in this state."""


def training_batches(
    features: Features,
    targets: np.ndarray | OnlineTargets | None,
    batch: int,
    augment: Augment | None,
    seed: int,
    epoch: int,
    rows: np.ndarray | None = None,
    temperature: float = 1.0,
) -> Iterator[Batch]:
    """One epoch over `features` (over `rows` of it, if given) in an order drawn from (seed, epoch).

    targets: (n, classes) float32 logits of all n clips, or teachers to ask for every batch, or None. temperature: of the loss.

    The last batch is dropped where a single clip would be left (batch norm needs two), or fewer than processes share it.
    """
    rng = np.random.default_rng([seed, epoch])
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    order = rng.permutation(len(features) if rows is None else rows)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        if len(chosen) < _least():
            return
        asked = targets(chosen, generator.get_state()) if callable(targets) else None
        kept = torch.from_numpy(targets[chosen]) if isinstance(targets, np.ndarray) else None
        made: Batch = features.batch(chosen), torch.from_numpy(features.labels[chosen]), kept
        if augment is not None:
            made = augment.batch(made, features.devices[chosen], generator, len(features.classes), temperature)
        yield made if asked is None else (made[0], made[1], asked)


def steps(count: int, batch: int) -> int:
    """Batches that `training_batches` gives for `count` clips."""
    whole, rest = divmod(count, batch)
    return whole + (rest >= _least())


def _least() -> int:
    return max(2, rank_and_world()[1])


def share(batch: Batch, rank: int, world: int) -> tuple[Batch, float]:
    """The clips of a batch that process `rank` of `world` takes, and their share of all (0 ... 1)."""
    x, labels, teacher = batch
    first, end = (len(x) * k // world for k in (rank, rank + 1))
    mine = x[first:end], labels[first:end], teacher[first:end] if teacher is not None else None
    return mine, (end - first) / len(x)
