"""The calibration error against a reference by hand and in known cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hwasc.training.calibration_error import expected_calibration_error


def by_hand(logits: np.ndarray, labels: np.ndarray, bins: int) -> float:
    """Guo et al. (2017), eq. 2 and 3, bin by bin."""
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    top, predicted, total = p.max(1), p.argmax(1), 0.0
    for m in range(1, bins + 1):
        inside = [i for i in range(len(labels)) if (m - 1) / bins < top[i] <= m / bins]
        if inside:
            accuracy = np.mean([predicted[i] == labels[i] for i in inside])
            total += len(inside) / len(labels) * abs(accuracy - np.mean([top[i] for i in inside]))
    return total


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_it_is_the_formula(bins: int) -> None:
    rng = np.random.default_rng(bins)
    logits, labels = 3 * rng.standard_normal((500, 10)), rng.integers(0, 10, 500)
    found = expected_calibration_error(torch.from_numpy(logits), torch.from_numpy(labels), bins)
    assert found == pytest.approx(by_hand(logits, labels, bins), abs=1e-12) and found > 0.1


def test_known_cases() -> None:
    sure = torch.tensor([[1000.0, 0.0]]).repeat(40, 1)
    assert expected_calibration_error(sure, torch.zeros(40, dtype=torch.int64)) == 0.0  # sure and right
    assert expected_calibration_error(sure, torch.ones(40, dtype=torch.int64)) == 1.0  # sure and wrong
    four_of_five = torch.tensor([[np.log(4.0), 0.0]]).repeat(40, 1)
    labels = torch.tensor([0, 0, 0, 0, 1] * 8)
    assert expected_calibration_error(four_of_five, labels) == pytest.approx(0.0, abs=1e-12)
    assert expected_calibration_error(four_of_five, 1 - labels) == pytest.approx(0.6, abs=1e-12)
    # bins do not make up for each other: too sure in one, not sure enough in the other
    mixed = torch.cat([torch.tensor([[np.log(9.0), 0.0]]).repeat(10, 1), torch.zeros(10, 2)])
    truth = torch.tensor([0] * 5 + [1] * 5 + [0] * 9 + [1])
    assert expected_calibration_error(mixed, truth) == pytest.approx(0.4)
