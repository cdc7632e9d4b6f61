"""The points that a search begins with: within the limits, and of every size of the log-mel."""

from __future__ import annotations

from collections import Counter

import pytest

from hwasc.cost.limits import ResolvedBudget
from hwasc.nas.problem import Problem
from hwasc.records.space import Point, SearchSpace


def problem(space: str, macs: float) -> Problem:
    budget = ResolvedBudget(name="test", limits={"macs.torchinfo": macs})
    return Problem(space=SearchSpace.load(space), budget=budget, classes=10)


def size(point: Point) -> tuple[int, int]:
    return point["mels"], point["frames"]


@pytest.mark.parametrize("seed", [0, 1])
def test_every_size_of_the_log_mel_has_its_share(seed: int) -> None:
    tight = problem("plain", 8_400_000)
    found = tight.starting_points(24, seed=seed)
    assert len(found) == 24 and all(found.count(p) == 1 for p in found)
    assert all(tight.budget.feasible(tight.costs(p)) and not tight.space.violations(p) for p in found)
    assert set(Counter(map(size, found)).values()) == {3}, "three of each of eight sizes"
    drawn = tight.feasible_points(120, seed=seed)
    assert sum(p["mels"] == 256 for p in drawn) < 120 / 8, (
        "points of the whole space have less than half of a fair share"
    )
    assert found == tight.starting_points(24, seed=seed) != tight.starting_points(24, seed=seed + 2)


def test_a_size_beyond_the_limits_leaves_its_places_to_the_others() -> None:
    tight = problem("plain", 1_000_000)
    found = tight.starting_points(12, seed=0, tries=60)
    assert len(found) == 12 and not any(p["mels"] == 256 for p in found)


def test_fewer_than_asked_are_returned_where_the_limits_leave_no_more() -> None:
    assert problem("plain", 1_000).starting_points(12, seed=0, tries=20) == []


def test_few_points_are_not_all_of_the_smallest_sizes() -> None:
    wide = problem("plain", 30_000_000)
    assert len({size(p) for seed in range(8) for p in wide.starting_points(2, seed=seed)}) >= 5
