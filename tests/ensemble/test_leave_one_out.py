"""Leave one out: the ensemble is worse without a good teacher, and not without a bad one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hwasc.ensemble.leave_one_out import leave_one_out


def teachers(seed: int = 0, clips: int = 400, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Logits of two teachers that each know half of the clips, and of one that is wrong with high confidence."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, clips)
    truth = np.eye(classes, dtype=np.float32)[labels]
    half = np.arange(clips) % 2 == 0
    noise = rng.normal(0, 0.3, (3, clips, classes)).astype(np.float32)
    wrong = np.eye(classes, dtype=np.float32)[(labels + 1) % classes]
    return np.stack([4 * truth * half[:, None], 4 * truth * ~half[:, None], 3 * wrong], 1) + noise.transpose(
        1, 0, 2
    ), labels


def test_good_teachers_help_and_a_bad_one_does_not() -> None:
    logits, labels = teachers()
    rows = {r.name: r for r in leave_one_out(("even", "odd", "wrong"), logits, labels)}
    assert rows["even"].helps and rows["odd"].helps and not rows["wrong"].helps
    assert rows["even"].accuracy_gain > 0.2 and rows["wrong"].accuracy_gain <= 0
    assert rows["wrong"].log_loss_gain < -10 * rows["wrong"].standard_error < 0


def test_rows_are_the_mean_of_the_others() -> None:
    logits, labels = teachers(1)
    truth = torch.from_numpy(labels)
    with_all = F.cross_entropy(torch.from_numpy(logits).mean(1), truth)
    for k, row in enumerate(leave_one_out(("a", "b", "c"), logits, labels)):
        others = torch.from_numpy(np.delete(logits, k, 1)).mean(1)
        assert row.log_loss == pytest.approx(float(F.cross_entropy(others, truth)), rel=1e-5)
        assert row.log_loss_gain == pytest.approx(row.log_loss - float(with_all), abs=1e-5)
    with pytest.raises(ValueError, match="two teachers"):
        leave_one_out(("a",), logits[:, :1], labels)
