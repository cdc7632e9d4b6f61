"""Targets that are corrected by the label where they are wrong."""

from __future__ import annotations

import numpy as np


def corrected(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Where the class with the highest logit is wrong, exchange its logit with the true class's.

    This is the probability shift of Wen et al., Preparing lessons: Improve knowledge distillation with better supervision (arXiv
    1911.07471): the teacher's uncertainty remains, its error does not. A class is wrong if it has no share in the label; of a
    mixture, the class with the greatest share counts as the true one.

    Args:
        logits: (n, classes).
        labels: Shares of the classes, (n, classes), each row with sum 1.

    Returns:
        (n, classes).
    """
    rows, top, true = np.arange(len(logits)), logits.argmax(1), labels.argmax(1)
    wrong = labels[rows, top] == 0
    rows, top, true = rows[wrong], top[wrong], true[wrong]
    out = logits.copy()
    out[rows, true], out[rows, top] = logits[rows, top], logits[rows, true]
    return out
