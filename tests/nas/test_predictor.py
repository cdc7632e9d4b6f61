"""The predictor on top of first scores: leaves each one out, takes noise away, and leaves few scores alone."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from hwasc.nas import predictor
from hwasc.nas.predictor import MIN_TRIALS, Smoother, blended, predicted, smoothed

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


def test_a_prediction_has_no_part_of_the_own_score() -> None:
    scored, _ = candidates(MIN_TRIALS, 0, 0.2)
    found = predicted(CHOICES, scored)
    changed = [replace(scored[0], score=0.9 * scored[0].score), *scored[1:]]
    assert predicted(CHOICES, changed)[0] == pytest.approx(found[0], rel=1e-9)
    assert predicted(CHOICES, changed)[1] != pytest.approx(found[1], rel=1e-9)
    halfway = [(p * s.score) ** 0.5 for p, s in zip(found, scored, strict=True)]
    assert halfway == pytest.approx(smoothed(CHOICES, scored), rel=1e-9)
    assert predicted(CHOICES, scored[1:]) == []


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


def dense(scored: list[Scored]) -> np.ndarray:
    """Leave-one-out ridge regression by its whole hat matrix, trials x trials."""
    x, y = predictor._inputs(CHOICES, scored, scored), predictor._logarithms(scored)
    hat = x @ np.linalg.solve(x.T @ x + predictor._penalty(x), x.T)
    return np.exp((y + y - (y - hat @ y) / (1 - np.diag(hat))) / 2)


@pytest.mark.parametrize("group", (1, 7, 20, 400))
def test_in_groups_scores_are_those_of_the_dense_formula(group: int) -> None:
    scored, _ = candidates(400, 3, 0.3)
    smoother = Smoother(CHOICES)
    for start in range(0, 400, group):
        found, done = smoother.add(scored[start : start + group]), scored[: start + group]
        if len(done) >= MIN_TRIALS and (group > 1 or start % 40 == 39):
            assert found == pytest.approx(dense(done)[start:], rel=1e-9)
    assert smoothed(CHOICES, scored) == pytest.approx(dense(scored), rel=1e-9)


def test_inputs_without_spread_and_scores_of_zero_are_no_trouble() -> None:
    scored, _ = candidates(MIN_TRIALS + 30, 4, 0.3)
    alike = [
        replace(c, macs=10**6, point={**c.point, "kernel": 3}, score=c.score * (i % 3 > 0))
        for i, c in enumerate(scored)
    ]
    assert smoothed(CHOICES, alike) == pytest.approx(dense(alike), rel=1e-6)  # its rounding makes constants of 0 here
    same = [alike[0]] * (MIN_TRIALS + 1)
    assert smoothed(CHOICES, same) == pytest.approx([1e-6] * len(same), rel=1e-6)


def test_time_and_memory_grow_as_the_trials_do() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 10**6, (20_000, 3)).tolist()
    points = [{n: v[rng.integers(len(v))] for n, v in CHOICES.items()} for _ in range(100)]
    scored = [Scored(points[i % 100], *row, score=0.3 + i % 7 / 10) for i, row in enumerate(rows)]
    smoother, start = Smoother(CHOICES), time.process_time()
    tracemalloc.start(1)
    for i in range(0, 20_000, 200):
        smoother.add(scored[i : i + 200])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6 and time.process_time() - start < 10  # a matrix of trials x trials would have 3.2 GB


def test_earlier_trials_give_slopes_and_no_level() -> None:
    """The same as ridge regression, each trial left out, with an intercept of its own for each search."""
    before, _ = candidates(60, 1, 0.2)
    earlier = [replace(s, score=s.score / 3) for s in before]
    scored, _ = candidates(12, 2, 0.2)
    found = smoothed(CHOICES, scored, earlier)
    rows = predictor._encoded(CHOICES, [*scored, *earlier])
    y = np.log([s.score for s in (*scored, *earlier)])
    group = np.r_[np.zeros(12), np.ones(60)]
    centred = np.concatenate([rows[group == g] - rows[group == g].mean(0) for g in (0, 1)])
    spread = np.sqrt((centred**2).mean(0))
    x = np.c_[rows / np.where(spread > 0, spread, 1.0), group == 0, group == 1]
    penalty = np.diag([predictor.PENALTY] * rows.shape[1] + [predictor.FREE] * 2)
    for i in (0, 5, 11):
        rest = [k for k in range(len(x)) if k != i]
        weights = np.linalg.solve(x[rest].T @ x[rest] + penalty, x[rest].T @ y[rest])
        assert found[i] == pytest.approx(np.exp((y[i] + x[i] @ weights) / 2), rel=1e-5)


def test_few_trials_rank_better_with_an_earlier_search() -> None:
    gains = []
    for seed in range(10):
        scored, truth = candidates(15, 10 + seed, 0.4)
        earlier = [replace(s, score=0.5 * s.score) for s in candidates(100, 100 + seed, 0.4)[0]]
        alone, helped = smoothed(CHOICES, scored), smoothed(CHOICES, scored, earlier)
        assert alone == [s.score for s in scored], "too few to be predicted alone"
        gains.append(kendalltau(helped, truth).statistic - kendalltau(alone, truth).statistic)
    assert np.mean(gains) > 0.1
    first, _ = candidates(3, 0, 0.4)
    assert smoothed(CHOICES, first, earlier) == [s.score for s in first], "three have no level of their own"


def test_a_prediction_is_the_regression_on_all_trials() -> None:
    scored, _ = candidates(120, 5, 0.2)
    others, _ = candidates(9, 6, 0.2)
    smoother = Smoother(CHOICES)
    smoother.add(scored[:70])
    smoother.add(scored[70:])
    prediction = smoother.prediction()
    x, y = predictor._inputs(CHOICES, scored, scored), np.log([k.score for k in scored])
    weights = np.linalg.solve(x.T @ x + predictor._penalty(x), x.T @ y)
    expected = predictor._inputs(CHOICES, others, scored) @ weights
    assert [prediction(o) for o in others] == pytest.approx(expected, rel=1e-6)
    assert prediction.deviation == pytest.approx(np.std(y - x @ weights), rel=0.1)
    assert prediction.deviation == pytest.approx(0.2, rel=0.2), "the noise of the scores"
