"""Training a student, float or quantized, on the ensemble's logits and the labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hwasc.data.features import Features
from hwasc.models.student import Student
from hwasc.records.train_settings import TrainSettings
from hwasc.training.batches import Augment, Batch, OnlineTargets, count_batches, training_batches
from hwasc.training.feature_distillation import StudentWithMap, cosine_loss
from hwasc.training.loop import fit
from hwasc.training.loss import Reduction, distillation_loss


@dataclass(frozen=True, kw_only=True)
class ViewData:
    """One view of the training clips, see `hwasc.data.views`.

    Attributes:
        features: The clips in this view, in the order of the training clips.
        labels: (n, classes) float32, each row with sum 1.
        targets: Ensemble logits (n, classes) of the clips in this view, or None for labels only.
        embeddings: A teacher's standardised embeddings (n, D) of the clips in this view, or None.
    """

    features: Features
    labels: np.ndarray
    targets: np.ndarray | None
    embeddings: np.ndarray | None = None


@dataclass(frozen=True)
class DistillationData:
    """Clips, targets and loss of a distillation.

    Attributes:
        train: The training clips, n of them.
        targets: Ensemble logits (n, classes), or teachers that are run on every batch, or None for labels only.
        augment: Augmentation, or None.
        alpha: Weight of the targets in the loss, 0..1.
        temperature: Temperature of the loss, above 0.
        rows: Indices of the clips to train on; all if None.
        reduction: How the loss reduces its divergence, see `distillation_loss`.
        label_smoothing: Of the labels' part of the loss, see `distillation_loss`.
        views: Number of epochs that differ. After these, the same batches with the same draws come again. 0: all differ.
        embeddings: A teacher's standardised embeddings (n, D) float32 of all n clips, or None. A float student's features are
            trained to match them, see `feature_distillation`.
        feature_weight: Weight of that part of the loss.
        waveform_views: Views that are trained on instead of the clips as recorded and `targets`, one an epoch in turn.
    """

    train: Features
    targets: np.ndarray | OnlineTargets | None
    augment: Augment | None
    alpha: float
    temperature: float
    rows: np.ndarray | None = None
    reduction: Reduction = "batchmean"
    label_smoothing: float = 0.0
    views: int = 0
    embeddings: np.ndarray | None = None
    feature_weight: float = 0.0
    waveform_views: tuple[ViewData, ...] = ()

    @property
    def taught(self) -> bool:
        """Whether there are targets."""
        return self.targets is not None or any(view.targets is not None for view in self.waveform_views)

    def without_embeddings(self) -> DistillationData:
        """The same data without feature distillation."""
        views = tuple(replace(view, embeddings=None) for view in self.waveform_views)
        return replace(self, embeddings=None, waveform_views=views)

    @property
    def clips(self) -> int:
        """Clips in an epoch."""
        return len(self.train) if self.rows is None else len(self.rows)

    def batches(self, batch: int, seed: int, epoch: int) -> Iterator[Batch]:
        """Shuffle and augment one epoch.

        Args:
            batch: Clips in a batch.
            seed: Decides order and augmentation.
            epoch: Number of the epoch, from 0.

        Returns:
            The batches, see `training_batches`.
        """
        view = self.waveform_views[epoch % len(self.waveform_views)] if self.waveform_views else None
        return training_batches(
            view.features if view else self.train,
            view.targets if view else self.targets,
            embeddings=view.embeddings if view else self.embeddings,
            labels=view.labels if view else None,
            batch=batch,
            augment=self.augment,
            seed=seed,
            epoch=epoch % self.views if self.views else epoch,
            rows=self.rows,
            temperature=self.temperature,
        )

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Compute the distillation loss of a batch.

        Args:
            outputs: The student's logits, (B, classes); with embeddings, the mapped features after them.
            batch: Its labels, the teacher's logits and embeddings.

        Returns:
            A scalar.
        """
        if batch.embeddings is not None:
            logits, mapped = outputs.split(
                [outputs.shape[1] - batch.embeddings.shape[1], batch.embeddings.shape[1]], dim=1
            )
            matched = self.feature_weight * cosine_loss(mapped, batch.embeddings)
            return matched + self.loss(logits, batch._replace(embeddings=None))
        return distillation_loss(
            outputs,
            batch.labels,
            batch.teacher,
            alpha=self.alpha,
            temperature=self.temperature,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


def train_student(
    student: Student,
    data: DistillationData,
    settings: TrainSettings,
    *,
    device: torch.device,
    seed: int,
    checkpoint: Path | None = None,
    before_epoch: Callable[[int], None] | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Student:
    """Train a student in place.

    Args:
        student: A float or quantized student; a float one if there are embeddings.
        data: Clips, targets and loss.
        settings: Epochs, batch size, learning rate and weight decay.
        device: Device to train on.
        seed: Decides batches, augmentation and dropout.
        checkpoint: See `loop.optimize`.
        before_epoch: See `loop.optimize`.
        on_epoch: See `loop.optimize`.

    Returns:
        The student, in eval mode.

    Raises:
        HwascError: The loss is no longer finite, or the checkpoint cannot be read or written.
    """
    model = student if data.embeddings is None else StudentWithMap(student, data.embeddings.shape[1], seed)
    fit(
        model,
        lambda epoch: data.batches(settings.batch, seed, epoch),
        steps_per_epoch=count_batches(data.clips, settings.batch),
        loss=data.loss,
        settings=settings,
        device=device,
        seed=seed,
        checkpoint=checkpoint,
        before_epoch=before_epoch,
        on_epoch=on_epoch,
    )
    return student
