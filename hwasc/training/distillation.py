"""Distilling a student, float or quantized, from the ensemble's logits and the labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.models.student import Student
from hwasc.records.settings import TrainSettings
from hwasc.training.batches import Augment, steps, training_batches
from hwasc.training.loop import fit
from hwasc.training.loss import distillation_loss


@dataclass(frozen=True)
class Lesson:
    """What a student learns from. targets: ensemble logits (n, classes) of the n clips, None for labels alone.

    alpha, temperature: of `training.loss.distillation_loss`. rows: of these clips alone.
    """

    train: Features
    targets: np.ndarray | None
    augment: Augment | None
    alpha: float
    temperature: float
    rows: np.ndarray | None = None


def distil(
    student: Student,
    lesson: Lesson,
    settings: TrainSettings,
    device: torch.device,
    seed: int,
    *,
    checkpoint: Path | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Student:
    """Train a student in place and return it in eval mode; batches and augmentation follow from the seed. See `loop.optimize`."""
    clips = len(lesson.train) if lesson.rows is None else len(lesson.rows)
    fit(
        student,
        lambda epoch: training_batches(
            lesson.train, lesson.targets, settings.batch, lesson.augment, seed, epoch, lesson.rows
        ),
        steps(clips, settings.batch),
        lambda y, labels, soft: distillation_loss(y, labels, soft, lesson.alpha, lesson.temperature),
        settings,
        device,
        seed,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )
    return student
