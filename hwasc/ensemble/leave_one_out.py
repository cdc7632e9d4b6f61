"""Which teachers the ensemble could do without: its plain mean of logits with each of them left out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from hwasc.training.metrics import macro_accuracy


@dataclass(frozen=True)
class LeftOut:
    """The mean of the other teachers' logits. accuracy (macro, 0..1) and log_loss (nats) without this one.

    accuracy_gain, log_loss_gain: what it adds, positive where the ensemble is better with it. standard_error: of
    log_loss_gain over the clips, as if these were independent. helps: whether the ensemble loses anything without it.
    """

    name: str
    accuracy: float
    log_loss: float
    accuracy_gain: float
    log_loss_gain: float
    standard_error: float
    helps: bool


def leave_one_out(names: tuple[str, ...], logits: np.ndarray, labels: np.ndarray) -> list[LeftOut]:
    """A row a teacher from logits (n, K, classes) and labels (n,) of held-out clips. ValueError for fewer than two teachers."""
    if len(names) < 2 or logits.shape[1] != len(names):
        raise ValueError(
            f"need two teachers or more with a name each, found {len(names)} names and logits {logits.shape}"
        )
    y, truth = torch.from_numpy(logits).double(), torch.from_numpy(labels)
    accuracy, losses = _measured(y, truth)
    rows = []
    for k, name in enumerate(names):
        less, worse = _measured(y[:, [j for j in range(len(names)) if j != k]], truth)
        gain = worse - losses
        error = float(gain.std()) / math.sqrt(len(gain)) if len(gain) > 1 else math.inf
        more, better = accuracy - less, float(gain.mean())
        rows.append(LeftOut(name, less, float(worse.mean()), more, better, error, more > 0 or better > 0))
    return rows


def _measured(logits: torch.Tensor, labels: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Macro accuracy and log loss by clip of the mean logit."""
    mean = logits.mean(1)
    accuracy = macro_accuracy(mean.argmax(1), labels, logits.shape[2])
    return accuracy, F.cross_entropy(mean, labels, reduction="none")
