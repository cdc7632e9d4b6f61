"""Probabilities in the place of logits: recognised by all rows together, and their logarithm has the same softmax."""

from __future__ import annotations

import numpy as np
import pytest

from hwasc.data.probabilities import FLOOR, as_logits


def softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def raw(classes: int = 5, clips: int = 40) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 3, (clips, classes))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("whole", [1, 100])
def test_the_logarithm_gives_the_probabilities_back(dtype: type, whole: int) -> None:
    shares = softmax(raw())
    found = as_logits((shares * whole).astype(dtype).astype(np.float64))
    assert found.changed and ("percentages" if whole == 100 else "probabilities") in found.note
    tolerance = 2e-3 if dtype is np.float16 else 2e-6
    assert np.abs(softmax(found.values) - shares).max() < tolerance


@pytest.mark.parametrize("decimals", [1, 2, 3, 6])
@pytest.mark.parametrize("classes", [2, 10])
def test_rounded_ones_are_recognised(decimals: int, classes: int) -> None:
    shares = np.round(softmax(raw(classes)), decimals)
    assert as_logits(shares).changed and as_logits(np.round(shares * 100, decimals)).changed


def test_labels_as_probabilities_are_finite() -> None:
    found = as_logits(np.eye(3)[[0, 2, 1, 1]])
    assert found.changed and found.values.min() == np.log(FLOOR) and found.values.max() == 0


@pytest.mark.parametrize(
    "values",
    [
        raw(),
        np.log(softmax(raw())),  # log-probabilities are logits
        np.vstack([softmax(raw()), raw()[:1]]),
        softmax(raw()) * 1.01,
        np.abs(raw()) * 30,
        np.zeros((0, 3)),
        np.zeros((4, 3)),
        softmax(raw()) - 0.01,
        np.array([[3.0, 97.5]]),
    ],
)
def test_logits_stay_as_they_are(values: np.ndarray) -> None:
    found = as_logits(values)
    assert not found.changed and found.values is values


def test_scores_of_a_sigmoid_are_told() -> None:
    found = as_logits(1 / (1 + np.exp(-raw())))
    assert not found.changed and "a sigmoid's scores" in found.note
    assert as_logits(raw()).note == ""
