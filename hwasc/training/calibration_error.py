"""Whether a classifier is as sure as it is right: the expected calibration error."""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 15


def expected_calibration_error(logits: Tensor, labels: Tensor, bins: int = BINS) -> float:
    """ECE of logits (n, classes) against labels (n,): 0 (as sure as right) to 1 (sure and always wrong).

    Guo et al., On calibration of modern neural networks, 2017, eq. 3: the clips fall by their top probability p into `bins`
    bins of equal width, ((m - 1) / bins, m / bins]; the sum over bins of their share of the clips times the difference
    between their accuracy and their mean p. Over clips, not macro; needs the softmax of the logits as they are shipped.
    """
    confidence, predicted = torch.softmax(logits.double(), 1).max(1)
    right = (predicted == labels).double()
    at = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gap = torch.zeros(bins, dtype=torch.float64).index_add_(
        0, at, right - confidence
    )  # count times (accuracy - mean p)
    return float(gap.abs().sum() / len(labels))
