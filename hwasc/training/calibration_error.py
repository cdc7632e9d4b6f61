"""The expected calibration error of a classifier."""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 15


def expected_calibration_error(logits: Tensor, labels: Tensor, bins: int = BINS) -> float:
    """Compute the expected calibration error: how far a classifier's probabilities lie from its accuracy.

    The clips fall by their top probability p into bins of equal width, ((m - 1) / bins, m / bins]. The error is the sum over
    bins of their share of the clips times the distance between their accuracy and their mean p. It is over clips, not macro.
    Source: Guo et al., On calibration of modern neural networks, 2017, eq. 3.

    Args:
        logits: (n, classes), as they are shipped.
        labels: (n,).
        bins: Number of bins.

    Returns:
        0 (as sure as accurate) to 1 (sure and always wrong).
    """
    confidence, predicted = torch.softmax(logits.double(), 1).max(1)
    right = (predicted == labels).double()
    index = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gap = torch.zeros(bins, dtype=torch.float64).index_add_(
        0, index, right - confidence
    )  # count times (accuracy - mean p)
    return float(gap.abs().sum() / len(labels))
