"""A budget held against costs: each limit with its slack, and over a whole search space before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Literal

from hwasc.cost.latency import CYCLES
from hwasc.cost.measure import Costs, Counting, measure
from hwasc.cost.scratch import known
from hwasc.errors import UsageError
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Budget
from hwasc.records.presets import PRESETS
from hwasc.records.suggestion import did_you_mean


@dataclass(frozen=True)
class Check:
    """One limit held against a candidate: slack = limit - value (negative: over budget)."""

    name: str
    limit: float
    value: float

    @property
    def slack(self) -> float:
        """What is left; negative where the limit is passed."""
        return self.limit - self.value


@dataclass(frozen=True)
class Range:
    """One limit over a sample of the space: least, median and greatest value, and the share of candidates within it."""

    name: str
    limit: float
    minimum: float
    centre: float
    maximum: float
    feasible: float


def certainty(name: str) -> Literal["exact", "estimate"]:
    """How the cost of that name is known before anything is written or run."""
    return "estimate" if name in ("flash", "arena", "latency_ms") else "exact"


def value(costs: Costs, name: str) -> float:
    """The cost with a dotted name such as `macs.torchinfo`: a whole number, but for milliseconds."""
    return reduce(getattr, name.split("."), costs)  # type: ignore[arg-type, return-value]


def counting(budget: Budget) -> Counting:
    """What a budget's costs are counted for: its planner, kernels and core. UsageError for an unknown core."""
    limits = budget.limits
    kernels = limits.arena.kernels if limits.arena else "reference"
    if limits.latency is None:
        return Counting(budget.planner, kernels)
    clock = limits.latency.clock_mhz or (budget.chip.clock_mhz if budget.chip else 0.0)
    return Counting(budget.planner, kernels, known(limits.latency.target, CYCLES), clock)


def counter(budget: Budget, limits: dict[str, float]) -> Callable[[Architecture], Costs]:
    """How a search counts candidates: an optimised plan, which takes a while, only where nothing else can decide."""
    exact = counting(budget)
    if exact.planner == "greedy":
        return partial(measure, counting=exact)

    def count(architecture: Architecture) -> Costs:
        greedy = measure(architecture, replace(exact, planner="greedy"))
        if feasible(greedy, limits) or not feasible(measure(architecture, replace(exact, planner="bound")), limits):
            return greedy
        return measure(architecture, exact)

    return count


def resolve(budget: Budget) -> dict[str, float]:
    """Every limit as an absolute number; shares are taken of the reference architecture's own cost."""
    amounts = budget.amounts()
    if not any(isinstance(a, str) for a in amounts.values()):
        return {k: v for k, v in amounts.items() if not isinstance(v, str)}
    if budget.reference not in PRESETS:
        hint = did_you_mean(str(budget.reference), PRESETS)
        raise UsageError(
            f"budget {budget.name}: reference '{budget.reference}' is no preset{hint} (known: {', '.join(PRESETS)})"
        )
    costs = measure(PRESETS[budget.reference](), counting(budget))
    return {k: int(float(v[:-1]) / 100 * value(costs, k)) if isinstance(v, str) else v for k, v in amounts.items()}


def check(costs: Costs, limits: dict[str, float]) -> list[Check]:
    """Every limit with its slack, in the budget's order."""
    return [Check(name, limit, value(costs, name)) for name, limit in limits.items()]


def feasible(costs: Costs, limits: dict[str, float]) -> bool:
    """Whether a candidate keeps within every limit."""
    return all(value(costs, name) <= limit for name, limit in limits.items())


def violation(costs: Costs, limits: dict[str, float]) -> float:
    """How far a candidate is beyond its limits: the sum of log(value / limit) over the limits passed, 0 within all."""
    return sum(max(0.0, math.log(max(value(costs, name), 1) / limit)) for name, limit in limits.items())


def survey(sample: Sequence[Costs], limits: dict[str, float]) -> list[Range]:
    """Every limit's minimum, centre and maximum over the sample."""
    out = []
    for name, limit in limits.items():
        values = sorted(value(c, name) for c in sample)
        share = sum(v <= limit for v in values) / len(values)
        out.append(Range(name, limit, values[0], values[len(values) // 2], values[-1], share))
    return out
