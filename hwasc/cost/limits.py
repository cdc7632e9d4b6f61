"""A budget held against costs: each limit with its slack, and over a whole search space before anything is trained."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from hwasc.cost.measure import Costs, measure
from hwasc.errors import UsageError
from hwasc.records.budget import Budget
from hwasc.records.presets import PRESETS


@dataclass(frozen=True)
class Check:
    """One limit held against a candidate: slack = limit - value (negative: over budget)."""

    name: str
    limit: int
    value: int

    @property
    def slack(self) -> int:
        """What is left; negative where the limit is passed."""
        return self.limit - self.value


@dataclass(frozen=True)
class Range:
    """One limit over a sample of the space: least, median and greatest value, and the share of candidates within it."""

    name: str
    limit: int
    minimum: int
    centre: int
    maximum: int
    feasible: float


def value(costs: Costs, name: str) -> int:
    """The cost with a dotted name such as `macs.torchinfo`."""
    return reduce(getattr, name.split("."), costs)  # type: ignore[arg-type, return-value]


def resolve(budget: Budget) -> dict[str, int]:
    """Every limit as an absolute number; shares are taken of the reference architecture's own cost."""
    amounts = budget.amounts()
    if not any(isinstance(a, str) for a in amounts.values()):
        return {k: int(v) for k, v in amounts.items()}
    if budget.reference not in PRESETS:
        near = difflib.get_close_matches(str(budget.reference), PRESETS, 1)
        hint = f", did you mean '{near[0]}'?" if near else ""
        raise UsageError(
            f"budget {budget.name}: reference '{budget.reference}' is no preset{hint} (known: {', '.join(PRESETS)})"
        )
    costs = measure(PRESETS[budget.reference]())
    return {k: int(float(v[:-1]) / 100 * value(costs, k)) if isinstance(v, str) else v for k, v in amounts.items()}


def check(costs: Costs, limits: dict[str, int]) -> list[Check]:
    """Every limit with its slack, in the budget's order."""
    return [Check(name, limit, value(costs, name)) for name, limit in limits.items()]


def feasible(costs: Costs, limits: dict[str, int]) -> bool:
    """Whether a candidate keeps within every limit."""
    return all(value(costs, name) <= limit for name, limit in limits.items())


def violation(costs: Costs, limits: dict[str, int]) -> float:
    """How far a candidate is beyond its limits: the sum of log(value / limit) over the limits passed, 0 within all."""
    return sum(max(0.0, math.log(max(value(costs, name), 1) / limit)) for name, limit in limits.items())


def survey(sample: Sequence[Costs], limits: dict[str, int]) -> list[Range]:
    """Every limit's minimum, centre and maximum over the sample."""
    out = []
    for name, limit in limits.items():
        values = sorted(value(c, name) for c in sample)
        share = sum(v <= limit for v in values) / len(values)
        out.append(Range(name, limit, values[0], values[len(values) // 2], values[-1], share))
    return out
