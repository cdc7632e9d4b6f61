"""The distillation loss."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F


def distillation_loss(
    logits: Tensor,
    labels: Tensor,
    teacher: Tensor | None,
    alpha: float,
    temperature: float,
    reduction: Literal["batchmean", "mean"] = "batchmean",
) -> Tensor:
    """(1 - alpha) CE(labels) + alpha T^2 KL(teacher || student) at temperature T.

    logits, teacher: (B, classes) logits; labels: (B,) int64, or shares (B, classes) with sum 1. reduction: of KL, its mean over
    clips (`batchmean`), or over clips and classes (`mean`: smaller by the factor of the number of classes). Hinton et al.
    (2015), eq. 1 with the T^2 of section 2. Without teacher or with alpha 0 it is plain cross-entropy.
    """
    return clip_losses(logits, labels, teacher, alpha, temperature, reduction).mean()


def clip_losses(
    logits: Tensor,
    labels: Tensor,
    teacher: Tensor | None,
    alpha: float,
    temperature: float,
    reduction: Literal["batchmean", "mean"] = "batchmean",
) -> Tensor:
    """`distillation_loss` of each clip by itself (B,)."""
    hard = F.cross_entropy(logits, labels, reduction="none")
    if teacher is None or alpha == 0:
        return hard
    student = F.log_softmax(logits / temperature, 1)
    target = F.log_softmax(teacher / temperature, 1)
    soft = F.kl_div(student, target, reduction="none", log_target=True).sum(1) * temperature**2
    if reduction == "mean":
        soft = soft / logits.shape[1]
    return soft if alpha == 1 else (1 - alpha) * hard + alpha * soft


def macro_accuracy(predicted: Tensor, labels: Tensor, classes: int) -> float:
    """Mean over the classes present of each class's share of right answers, 0..1 (the DCASE score)."""
    right = torch.bincount(labels[predicted == labels], minlength=classes).float()
    count = torch.bincount(labels, minlength=classes).float()
    present = count > 0
    return float((right[present] / count[present]).mean()) if bool(present.any()) else 0.0
