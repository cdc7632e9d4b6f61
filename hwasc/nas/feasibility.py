"""What a budget means over a space, and whether it can be met, before any training."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hwasc.cost.limits import Range, value
from hwasc.errors import InfeasibleBudget
from hwasc.nas.declare import random_point
from hwasc.nas.problem import Problem
from hwasc.records.space import SearchSpace

SAMPLE = 500


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A budget over a search space.

    Attributes:
        space: The space's name.
        log10_size: log10 of its number of points.
        ranges: Every limit over a sample of the space.
        feasible_share: The share of random candidates within all limits, 0..1.
        example: A point within all limits.
    """

    space: str
    log10_size: float
    ranges: list[Range]
    feasible_share: float
    example: dict[str, Any]


def examine(problem: Problem, *, seed: int) -> Survey:
    """Find the range of each cost over a space: by a random sample, and by coordinate descent to both extremes.

    Args:
        problem: The space, the budget, the shape of the data.
        seed: Of the sample.

    Returns:
        The range of each cost, and the share of the space that is feasible.

    Raises:
        InfeasibleBudget: Names the limits that no candidate meets.
    """
    space, budget, rng = problem.space, problem.budget, random.Random(seed)
    points = [random_point(space, rng) for _ in range(SAMPLE)]
    costs = [problem.costs(p) for p in points]
    by_cost = list(zip(points, costs, strict=True))
    extremes = []
    for name in budget.limits:
        for sign in (1, -1):
            start = min(by_cost, key=lambda pc: sign * value(pc[1], name))[0]
            extremes.append(descend(space, start, lambda p: sign * value(problem.costs(p), name)))  # noqa: B023 - used at once
    ranges = budget.survey([*costs, *map(problem.costs, extremes)])
    share = sum(map(budget.feasible, costs)) / len(costs)
    if too_small := [r for r in ranges if r.minimum > r.limit]:
        named = "; ".join(f"{r.name} is at least {r.minimum:,}, the limit is {r.limit:,}" for r in too_small)
        raise InfeasibleBudget(
            f"no candidate of the space {space.name} meets the budget: {named}. Raise the limit or name another space"
        )
    example = min(by_cost, key=lambda pc: budget.violation(pc[1]))[0]
    if share == 0:

        def violation(point: dict[str, Any]) -> float:
            return budget.violation(problem.costs(point))

        example = min((descend(space, p, violation) for p in [example, *extremes]), key=violation)
        if violation(example) > 0:
            raise InfeasibleBudget(
                f"no candidate of the space {space.name} was found that meets all limits at once "
                f"({', '.join(budget.limits)}), though each can be met alone. Raise one or name another space"
            )
    return Survey(space=space.name, log10_size=space.log10_size(), ranges=ranges, feasible_share=share, example=example)


def descend(space: SearchSpace, start: dict[str, Any], objective: Callable[[dict[str, Any]], float]) -> dict[str, Any]:
    """Coordinate descent: change one choice at a time, until no change improves the objective.

    Args:
        space: The choices and their rules.
        start: The first point.
        objective: What is minimised; 0 ends the descent.

    Returns:
        The last point.
    """
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
