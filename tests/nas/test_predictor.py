"""The predictor on top of first scores: leaves each one out, takes noise away, and leaves few scores alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from hwasc.nas import predictor
from hwasc.nas.predictor import MIN_TRIALS, blended, smoothed

CHOICES: dict[str, tuple[Any, ...]] = {"width": (8, 16, 32, 64), "kernel": (3, 5), "grn": ("none", "scalar", "channel")}


@dataclass(frozen=True)
class Scored:
    point: dict[str, Any]
    parameters: int
    macs: int
    memory: int
    score: float


def candidates(count: int, seed: int, noise: float) -> tuple[list[Scored], np.ndarray]:
    """Scores that follow width, MACs and the kind of GRN, times noise; and what they would be without."""
    rng = np.random.default_rng(seed)
    out, truth = [], []
    for _ in range(count):
        point = {name: values[rng.integers(len(values))] for name, values in CHOICES.items()}
        macs = int(1e5 * point["width"] * point["kernel"] * rng.uniform(0.5, 2))
        right = 0.02 * macs**0.15 * (1.3 if point["grn"] == "scalar" else 1.0)
        truth.append(right)
        out.append(Scored(point, 10 * point["width"], macs, 100 * point["width"], right * np.exp(noise * rng.normal())))
    return out, np.array(truth)


def test_each_is_predicted_by_all_the_others() -> None:
    scored, _ = candidates(MIN_TRIALS + 1, 0, 0.2)
    found = smoothed(CHOICES, scored)
    x, y = predictor._inputs(CHOICES, scored, scored), np.log([k.score for k in scored])
    for i in (0, 17, MIN_TRIALS):
        rest = [k for k in range(len(scored)) if k != i]
        a = x[rest]
        weights = np.linalg.solve(a.T @ a + predictor._penalty(x), a.T @ y[rest])
        assert found[i] == pytest.approx(np.exp((y[i] + x[i] @ weights) / 2), rel=1e-6)


def test_noise_is_taken_away() -> None:
    scored, truth = candidates(300, 1, 0.3)
    raw = kendalltau([k.score for k in scored], truth).statistic
    assert kendalltau(smoothed(CHOICES, scored), truth).statistic > raw + 0.15
    others, right = candidates(40, 2, 0.3)
    alone = kendalltau([k.score for k in others], right).statistic
    assert kendalltau(blended(CHOICES, scored, others), right).statistic > alone + 0.1


def test_without_noise_ranks_stay() -> None:
    scored, truth = candidates(200, 3, 0.0)
    assert kendalltau(smoothed(CHOICES, scored), truth).statistic > 0.95


def test_few_scores_are_left_alone_and_zero_is_a_score() -> None:
    scored, _ = candidates(MIN_TRIALS - 1, 4, 0.2)
    assert smoothed(CHOICES, scored) == [k.score for k in scored] == blended(CHOICES, scored[:3], scored)
    more = [*scored, *scored[:5], Scored(scored[0].point, 1, 0, 0, 0.0)]
    assert all(0 < v < 1 and np.isfinite(v) for v in smoothed(CHOICES, more))
