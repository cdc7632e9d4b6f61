"""Strategies on a table: all candidates of a space, curves that end where the table does, and the same from the same seeds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hwasc.bench.comparison import Comparison, Curve, compare, every_candidate
from hwasc.cost import measure
from hwasc.cost.limits import ResolvedBudget, resolve
from hwasc.errors import UsageError
from hwasc.nas.job import Score
from hwasc.nas.problem import Problem
from hwasc.parts import STRATEGIES
from hwasc.records.budget import Budget
from hwasc.records.space import FrontEndChoices, SearchSpace, Stage

SPACE = SearchSpace(
    "tiny", FrontEndChoices((20, 40), (17,)), (4, 8),
    (Stage((1, 2), (8, 16), (2, 3)), Stage((1,), (16, 24), (2,), (3, 5), ("1x1", "2x2"))),
)  # fmt: skip
BUDGET = ResolvedBudget(name="tiny", limits={"macs.torchinfo": 110_000})
FIELD = Problem(space=SPACE, budget=BUDGET, classes=10)


def scores() -> dict[str, Score]:
    """Wider, deeper and more mels are better."""
    found = {}
    for c in every_candidate(FIELD):
        p = c.point
        value = 0.2 + p["mels"] / 200 + p["stage2.width"] / 100 + p["stage1.depth"] / 50 + p["stage2.kernel"] / 100
        found[c.architecture.id] = Score(
            value, 1.0, accuracy=value, float_accuracy=value, standard_error=0.01, value_error=0.01
        )
    return found


def played(trials: int, names: tuple[str, ...] = STRATEGIES.names()) -> tuple[Comparison, list[str]]:
    runs: list[str] = []
    return compare(
        FIELD, scores(), names, seeds=(0, 1), trials=trials, population=8, at_a_time=4, on_run=runs.append
    ), runs


@pytest.mark.slow
def test_the_bundled_space_is_a_corner_of_the_full_one_and_of_the_size_it_says() -> None:
    space, budget = SearchSpace.load("bench"), resolve(Budget.load("dcase2024"))
    candidates = every_candidate(Problem(space=space, budget=budget, classes=10))
    assert len(candidates) == len({c.architecture.id for c in candidates}) == 880
    assert all(budget.feasible(measure(c.architecture)) and not space.violations(c.point) for c in candidates)
    full = SearchSpace.load("full")
    assert all(set(values) <= set(full.choices()[name]) for name, values in space.choices().items())
    assert space.constraints == full.constraints and space.grn_response == full.grn_response
    assert (space.front_end.sample_rate, space.front_end.n_fft) == (full.front_end.sample_rate, full.front_end.n_fft)


def test_a_space_too_large_to_count_through_is_refused() -> None:
    with pytest.raises(UsageError, match=r"search space full has .* too many"):
        every_candidate(
            Problem(space=SearchSpace.load("full"), budget=ResolvedBudget(name="all", limits={}), classes=10)
        )


@pytest.mark.slow
def test_curves_rise_to_the_end_of_the_table() -> None:
    size = len(every_candidate(FIELD))
    assert 30 < size < 256, "the limit keeps some out"
    found, runs = played(size, ("local", "random"))
    assert runs == ["local"] * 2 + ["random"] * 2 == [t.strategy for t in found.curves for _ in range(2)]
    assert found.best == max(s.value for s in scores().values())
    for t in found.curves:
        for curve in (t.best, t.volume):
            assert len(curve.mean) == size == len(curve.standard_error) and (np.diff(curve.mean) >= 0).all()
        assert t.best.mean[-1] == found.best and t.volume.mean[-1] == pytest.approx(1)
        assert t.proposed > size, "some points were infeasible or repeated; they cost no trial"


@pytest.mark.slow
def test_the_same_seeds_give_the_same_and_learning_shows() -> None:
    found, again = played(20)[0], played(20)[0]
    for a, b in zip(found.curves, again.curves, strict=True):
        assert dataclasses.replace(a, milliseconds=0) == dataclasses.replace(b, milliseconds=0)
    assert [t.strategy for t in found.curves] == list(STRATEGIES.names())
    final = {t.strategy: t.volume.mean[-1] for t in found.curves}
    assert final["local"] > final["random"] and 0 < final["random"] < 1


def test_a_curve_is_the_mean_over_seeds_with_its_standard_error() -> None:
    curve = Curve.over(np.array([[1.0, 2.0], [3.0, 2.0], [5.0, 2.0]]))
    assert curve.mean == [3.0, 2.0] and curve.standard_error == pytest.approx([2 / 3**0.5, 0.0])
