"""Widening exceeds the limit by the given ratio; removal of channels meets every limit and spares important channels."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hwasc.cost import measure
from hwasc.cost.limits import ResolvedBudget, resolve, value
from hwasc.errors import HwascError
from hwasc.nas.channel_removal import GRID, channels_to_remove, widen
from hwasc.nas.declare import random_point
from hwasc.nas.refinement_job import schedule
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Budget
from hwasc.records.space import SearchSpace
from hwasc.records.widths import resized, widths

SPACE = SearchSpace.load("full")


def within(name: str, seed: int) -> tuple[Architecture, ResolvedBudget]:
    budget, rng = resolve(Budget.load(name)), random.Random(seed)
    while True:
        a = SPACE.architecture(random_point(SPACE, rng), 10)
        if budget.feasible(budget.count(a)):
            return a, budget


@pytest.mark.parametrize("name", ["dcase2024", "cortex-m4-128k"])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.slow
def test_wide_then_narrow_ends_at_the_edge(name: str, seed: int) -> None:
    a, budget = within(name, seed)
    wide = widen(a, budget, times=1.2)
    assert 1.2 <= budget.max_cost_ratio(budget.count(wide)) < 1.4
    assert all(n >= widths(a)[k] and (n % 8 == 0 or n == widths(a)[k]) for k, n in widths(wide).items())
    assert widen(a, budget, times=1.01).id != wide.id
    rng = np.random.default_rng(seed)
    gone = channels_to_remove(wide, {k: rng.random(n) for k, n in widths(wide).items()}, budget)
    left = {k: n - len(gone.get(k, [])) for k, n in widths(wide).items()}
    costs = budget.count(resized(wide, left))
    assert budget.feasible(costs) and budget.max_cost_ratio(costs) > 0.9
    assert all(n % GRID == 0 and n >= GRID for n in left.values())


def test_what_matters_least_goes_first_and_where_a_limit_is_kept_nothing_goes() -> None:
    a, budget = within("dcase2024", 0)
    wide = widen(a, budget, times=1.1)
    scores = {k: np.full(n, 100.0) for k, n in widths(wide).items()}
    cheap = next(k for k in reversed(scores) if k.endswith("expanded"))
    chosen = list(range(1, widths(wide)[cheap] - GRID, 2))
    scores[cheap][chosen] = 1e-6
    aims = {k: max(value(budget.count(wide), k) * 0.999, 1) for k in budget.limits}
    gone = channels_to_remove(wide, scores, budget, aims)
    assert set(gone) == {cheap} and set(gone[cheap]) <= set(chosen) and gone[cheap]
    assert channels_to_remove(a, {k: np.ones(n) for k, n in widths(a).items()}, budget) == {}


def test_an_odd_width_comes_back_to_the_grid() -> None:
    a, _ = within("dcase2024", 0)
    a = resized(a, dict.fromkeys(widths(a), 22))
    limits = {"macs.torchinfo": measure(a).macs.torchinfo // 2}
    gone = channels_to_remove(
        a, {k: np.ones(n) for k, n in widths(a).items()}, ResolvedBudget(name="one", limits=limits)
    )
    assert all(len(v) % GRID == 2 for v in gone.values()) and gone


def test_a_budget_that_no_pruning_keeps_is_said() -> None:
    a, _ = within("dcase2024", 0)
    tiny = ResolvedBudget(name="tiny", limits={"macs.torchinfo": 10})
    with pytest.raises(HwascError, match=r"macs\.torchinfo"):
        channels_to_remove(a, {k: np.ones(n) for k, n in widths(a).items()}, tiny)


@pytest.mark.parametrize("epochs", range(1, 60))
def test_the_schedule_is_as_long_as_it_should_be(epochs: int) -> None:
    s = schedule(epochs)
    assert s.epochs == max(epochs, 2) and min(s.first, s.last, s.steps) >= 1 and s.steps <= 6
    if epochs >= 24:
        assert s.steps == 6 and abs(s.first - s.last) <= 1
