"""Whether a search needs its budget: known curves are found, and what fits in less does fit."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from hwasc import cost
from hwasc.cost.limits import resolve
from hwasc.nas.budget_use import Fitted, best_within_less, fit_accuracy, smaller_budgets
from hwasc.nas.predictor import promising
from hwasc.nas.problem import Problem
from hwasc.nas.trial import Trial
from hwasc.records.budget import Budget
from hwasc.records.space import SearchSpace
from tests.nas.test_choice import trial


def on_curve(accuracy: dict[int, float], noise: float = 0.0, seed: int = 0) -> list[Trial]:
    draw = np.random.default_rng(seed)
    return [trial(i, a + noise * draw.normal(), macs=macs) for i, (macs, a) in enumerate(accuracy.items())]


def fitted(trials: list[Trial], winner: int) -> Fitted:
    found = fit_accuracy(trials, winner, lambda t: t.macs)
    assert found is not None
    assert (np.diff(found.accuracy) >= 0).all() and (found.low <= found.high).all()
    return found


def test_a_known_gain_is_found() -> None:
    rising = {int(1e6 * 1.1**k): 0.5 + 0.01 * k for k in range(30)}
    assert fitted(on_curve(rising), int(1e6 * 1.1**10)).gain == pytest.approx(0.19, abs=1e-3)
    found = fitted(on_curve(rising, 0.02), int(1e6 * 1.1**10))
    assert found.gain_low < 0.19 < found.gain_high and found.gain_low > 0.1 and found.chance < 0.01


def test_no_gain_is_claimed_where_larger_nets_are_not_better() -> None:
    level = {int(1e6 * 1.1**k): 0.6 for k in range(40)}
    chances = [fitted(on_curve(level, 0.03, seed), 2_000_000).chance for seed in range(20)]
    assert sum(chance <= 0.05 for chance in chances) <= 3 and 0.3 < np.mean(chances) < 0.75
    falling = {int(1e6 * 1.1**k): 0.6 - 0.005 * k for k in range(40)}
    assert fitted(on_curve(falling), 2_000_000).gain == pytest.approx(0, abs=1e-9)


def test_too_few_candidates_are_not_fitted() -> None:
    assert fit_accuracy(on_curve({1: 0.1, 2: 0.2, 3: 0.3}), 1, lambda t: t.macs) is None
    assert fit_accuracy([trial(i, 0.5) for i in range(9)], 1, lambda t: t.macs) is None


def test_the_next_smaller_chip_is_the_largest_below() -> None:
    names = [b.name for b in smaller_budgets(resolve(Budget.load("esp32-s3")))]
    assert names == ["rp2040", "flash", "ram"]
    assert {b.name for b in smaller_budgets(resolve(Budget.load("dcase2024")))} == {
        "macs.torchinfo",
        "parameter_memory",
    }
    assert smaller_budgets(resolve(Budget.load("nrf52840")))[0].record.chip.ram == 131_072  # type: ignore[union-attr]


def scored(problem: Problem, number: int = 40) -> list[Trial]:
    out = []
    for i, point in enumerate(problem.feasible_points(number, seed=3)):
        costs = problem.costs(point)
        macs = costs.macs.torchinfo
        t = trial(i, min(0.9, 0.1 * math.log10(macs)), macs=macs, memory=costs.memory)
        out.append(dataclasses.replace(t, point=point, id=problem.architecture(point).id))
    return out


def test_the_best_within_half_a_limit_fits_and_none_better_does() -> None:
    problem = Problem(space=SearchSpace.load("small"), budget=resolve(Budget.load("dcase2024")), classes=10)
    trials = scored(problem)
    top = max(trials, key=lambda t: t.score)
    for found, budget in zip(best_within_less(problem, trials, [], top), smaller_budgets(problem.budget), strict=True):
        fits = [t for t in trials if budget.feasible(cost.measure(problem.architecture(t.point)))]
        if not fits:
            assert found.trial is None
            continue
        expected = next(t for t in promising(problem.space.choices(), trials) if t in fits)
        assert found.trial == expected and not found.second
        assert found.difference == pytest.approx(expected.accuracy - top.accuracy)


def test_a_finalist_that_fits_comes_first_and_is_compared_by_second_scores() -> None:
    problem = Problem(space=SearchSpace.load("small"), budget=resolve(Budget.load("dcase2024")), classes=10)
    trials = scored(problem)
    cheap, top = min(trials, key=lambda t: t.macs), max(trials, key=lambda t: t.macs)
    problem = dataclasses.replace(
        problem, budget=dataclasses.replace(problem.budget, limits={"macs.torchinfo": 1.5 * top.macs})
    )
    second = [dataclasses.replace(t, accuracy=t.accuracy + 0.1) for t in (cheap, top)]
    found = best_within_less(problem, trials, second, top)[0]
    assert found.trial == second[0] and found.second
    assert found.difference == pytest.approx(cheap.accuracy - top.accuracy)
