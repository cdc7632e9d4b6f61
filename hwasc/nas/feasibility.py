"""Before any training: what a budget means over a space, and whether it can be met at all."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hwasc.cost import measure
from hwasc.cost.limits import Range, feasible, survey, value, violation
from hwasc.cost.measure import Costs
from hwasc.errors import InfeasibleBudget
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.space import SearchSpace

SAMPLE = 500
Count = Callable[[Architecture], Costs]


@dataclass(frozen=True)
class Survey:
    """Every limit over the space, the share of random candidates within all of them, and one candidate that is within."""

    ranges: list[Range]
    feasible_share: float
    example: dict[str, Any]


def examine(
    space: SearchSpace, limits: dict[str, float], classes: int, seconds: float, seed: int, count: Count = measure
) -> Survey:
    """Sample the space, then walk to each limit's extremes; InfeasibleBudget names the limits that no candidate meets.

    count: how a candidate's costs are counted.
    """
    rng = random.Random(seed)
    points = [random_point(space, rng) for _ in range(SAMPLE)]

    def cost(point: dict[str, Any]) -> Costs:
        return count(space.architecture(point, classes, seconds))

    costs = [cost(p) for p in points]
    by_cost = list(zip(points, costs, strict=True))
    extremes = []
    for name in limits:
        for sign in (1, -1):
            start = min(by_cost, key=lambda pc: sign * value(pc[1], name))[0]
            extremes.append(descend(space, start, lambda p: sign * value(cost(p), name)))  # noqa: B023 - used at once
    ranges = survey([*costs, *map(cost, extremes)], limits)
    share = sum(feasible(c, limits) for c in costs) / len(costs)
    too_small = [r for r in ranges if r.minimum > r.limit]
    if too_small:
        said = "; ".join(f"{r.name} is at least {r.minimum:,}, the limit is {r.limit:,}" for r in too_small)
        raise InfeasibleBudget(
            f"no candidate of the space {space.name} meets the budget: {said}. Raise the limit or name another space"
        )
    example = min(by_cost, key=lambda pc: violation(pc[1], limits))[0]
    if share == 0:
        example = min(
            (descend(space, p, lambda q: violation(cost(q), limits)) for p in [example, *extremes]),
            key=lambda p: violation(cost(p), limits),
        )
        if not feasible(cost(example), limits):
            raise InfeasibleBudget(
                f"no candidate of the space {space.name} was found that meets all limits at once "
                f"({', '.join(limits)}), though each can be met alone. Raise one or name another space"
            )
    return Survey(ranges, share, example)


def descend(space: SearchSpace, start: dict[str, Any], objective: Callable[[dict[str, Any]], float]) -> dict[str, Any]:
    """Coordinate descent: change one choice at a time for the better until none helps."""
    point, best = dict(start), objective(start)
    improved = True
    while improved and best != 0:
        improved = False
        for name, values in space.choices().items():
            for v in values:
                if v == point[name]:
                    continue
                trial = {**point, name: v}
                if not space.violations(trial) and (now := objective(trial)) < best:
                    point, best, improved = trial, now, True
    return point
