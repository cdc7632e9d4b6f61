"""Distilling a student, float or quantized, from the ensemble's logits and the labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from hwasc.data.features import Features
from hwasc.models.student import Student
from hwasc.records.settings import TrainSettings
from hwasc.training.batches import Augment, Batch, OnlineTargets, steps, training_batches
from hwasc.training.loop import fit
from hwasc.training.loss import distillation_loss


@dataclass(frozen=True)
class DistillationData:
    """What a student learns from. targets: ensemble logits (n, classes) of the n clips, teachers to ask for every batch, or None
    for labels alone.

    alpha, temperature, reduction: of `training.loss.distillation_loss`. rows: of these clips alone. views: so many epochs differ,
    then they come round, batches and draws alike; 0: none repeats another.
    """

    train: Features
    targets: np.ndarray | OnlineTargets | None
    augment: Augment | None
    alpha: float
    temperature: float
    rows: np.ndarray | None = None
    reduction: Literal["batchmean", "mean"] = "batchmean"
    views: int = 0

    def batches(self, batch: int, seed: int, epoch: int) -> Iterator[Batch]:
        """One epoch's batches, see `training.batches`."""
        drawn = epoch % self.views if self.views else epoch
        return training_batches(self.train, self.targets, batch, self.augment, seed, drawn, self.rows, self.temperature)

    def loss(self, logits: Tensor, labels: Tensor, soft: Tensor | None) -> Tensor:
        """The distillation loss of a batch."""
        return distillation_loss(logits, labels, soft, self.alpha, self.temperature, self.reduction)


def train_student(
    student: Student,
    data: DistillationData,
    settings: TrainSettings,
    device: torch.device,
    seed: int,
    *,
    checkpoint: Path | None = None,
    before_epoch: Callable[[int], None] | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Student:
    """Train a student in place and return it in eval mode; batches and augmentation follow from the seed. See `loop.optimize`."""
    clips = len(data.train) if data.rows is None else len(data.rows)
    fit(
        student,
        lambda epoch: data.batches(settings.batch, seed, epoch),
        steps(clips, settings.batch),
        data.loss,
        settings,
        device,
        seed,
        checkpoint=checkpoint,
        before_epoch=before_epoch,
        on_epoch=on_epoch,
    )
    return student
