"""What each teacher adds to the ensemble: the plain mean of the logits with and without it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from hwasc.training.metrics import macro_accuracy


@dataclass(frozen=True, kw_only=True)
class LeaveOneOutRow:
    """The plain mean of all teachers but one.

    Attributes:
        name: The teacher that is left out.
        accuracy: Without this teacher, macro, 0..1.
        log_loss: Without this teacher, nats.
        accuracy_gain: Accuracy with this teacher minus accuracy without it.
        log_loss_gain: Log loss without this teacher minus log loss with it, nats; positive where the teacher helps.
        standard_error: Of `log_loss_gain` over clips, as if clips were independent; None for a single clip.
        helps: Whether accuracy or log loss is worse without this teacher.
    """

    name: str
    accuracy: float
    log_loss: float
    accuracy_gain: float
    log_loss_gain: float
    standard_error: float | None
    helps: bool

    @property
    def gain_in_nats(self) -> str:
        """`log_loss_gain` with its standard error, as tables show it."""
        error = "" if self.standard_error is None else f" ± {self.standard_error:.3f}"
        return f"{self.log_loss_gain:+.3f}{error}"


def leave_one_out(names: tuple[str, ...], logits: np.ndarray, labels: np.ndarray) -> list[LeaveOneOutRow]:
    """Measure the plain mean without each teacher, on held-out clips.

    Args:
        names: Of the K teachers.
        logits: (n, K, classes).
        labels: (n,).

    Returns:
        A row for each teacher.

    Raises:
        ValueError: There are fewer than two teachers, or not a name for each.
    """
    if len(names) < 2 or logits.shape[1] != len(names):
        raise ValueError(
            f"need two teachers or more with a name each, found {len(names)} names and logits {logits.shape}"
        )
    y, truth = torch.from_numpy(logits).double(), torch.from_numpy(labels)
    accuracy, losses = _measure(y, truth)
    rows = []
    for k, name in enumerate(names):
        accuracy_without, losses_without = _measure(y[:, [j for j in range(len(names)) if j != k]], truth)
        gains = losses_without - losses
        accuracy_gain, log_loss_gain = accuracy - accuracy_without, float(gains.mean())
        row = LeaveOneOutRow(
            name=name,
            accuracy=accuracy_without,
            log_loss=float(losses_without.mean()),
            accuracy_gain=accuracy_gain,
            log_loss_gain=log_loss_gain,
            standard_error=float(gains.std()) / math.sqrt(len(gains)) if len(gains) > 1 else None,
            helps=accuracy_gain > 0 or log_loss_gain > 0,
        )
        rows.append(row)
    return rows


def _measure(logits: torch.Tensor, labels: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Macro accuracy, and the log loss of each clip, of the mean logit."""
    mean = logits.mean(1)
    accuracy = macro_accuracy(mean.argmax(1), labels, logits.shape[2])
    return accuracy, F.cross_entropy(mean, labels, reduction="none")
