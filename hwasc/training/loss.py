"""The distillation loss."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

Reduction = Literal["batchmean", "mean"]


def distillation_loss(
    logits: Tensor,
    labels: Tensor,
    teacher: Tensor | None,
    *,
    alpha: float,
    temperature: float,
    reduction: Reduction = "batchmean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Compute (1 - alpha) CE(labels) + alpha T^2 KL(teacher || student) at temperature T, the mean over clips.

    Source: Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, 2015, eq. 1 with the T^2 of section 2.

    Args:
        logits: The student's, (B, classes).
        labels: (B,) int64, or (B, classes) with sum 1.
        teacher: The teacher's logits, (B, classes); None gives plain cross-entropy.
        alpha: Weight of the teacher, 0..1; 0 gives plain cross-entropy.
        temperature: Temperature T of both softmaxes, above 0.
        reduction: `batchmean` sums KL over the classes, `mean` averages it (smaller by the factor of the number of classes).
        label_smoothing: Share of the labels that is spread evenly over all classes, 0 to below 1.

    Returns:
        A scalar.
    """
    return clip_losses(
        logits,
        labels,
        teacher,
        alpha=alpha,
        temperature=temperature,
        reduction=reduction,
        label_smoothing=label_smoothing,
    ).mean()


def clip_losses(
    logits: Tensor,
    labels: Tensor,
    teacher: Tensor | None,
    *,
    alpha: float,
    temperature: float,
    reduction: Reduction = "batchmean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Compute the distillation loss of each clip.

    Args:
        logits: See `distillation_loss`, as for all arguments.
        labels: (B,) int64, or (B, classes) with sum 1.
        teacher: (B, classes), or None.
        alpha: 0..1.
        temperature: Above 0.
        reduction: Of KL over the classes.
        label_smoothing: Share of the labels that is spread evenly over all classes, 0 to below 1.

    Returns:
        Losses (B,).
    """
    cross_entropy = F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)
    if teacher is None or alpha == 0:
        return cross_entropy
    student = F.log_softmax(logits / temperature, 1)
    target = F.log_softmax(teacher / temperature, 1)
    divergence = F.kl_div(student, target, reduction="none", log_target=True).sum(1) * temperature**2
    if reduction == "mean":
        divergence = divergence / logits.shape[1]
    return divergence if alpha == 1 else (1 - alpha) * cross_entropy + alpha * divergence
