"""A budget in absolute numbers: how costs are counted for it, whether a candidate meets it, and which share of a sample does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Literal

from hwasc.cost.firmware_latency import ARITHMETIC, CYCLES_PER_INSTRUCTION
from hwasc.cost.latency import CYCLES
from hwasc.cost.measure import DEFAULT, Costs, Counting, measure
from hwasc.cost.scratch import known
from hwasc.errors import UsageError
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Budget, Runtime
from hwasc.records.presets import PRESETS
from hwasc.suggestion import did_you_mean

# What is not exact before a file is written or run; the program's size depends on the compiler
ESTIMATES: dict[Runtime, tuple[str, ...]] = {
    "tflm": ("flash", "arena", "ram", "latency_ms"),
    "c": ("flash", "arena", "latency_ms"),
}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One limit compared with a candidate's cost.

    Attributes:
        name: Dotted name of the cost, e.g. `macs.torchinfo`.
        limit: The most that is allowed.
        value: What the candidate costs.
    """

    name: str
    limit: float
    value: float

    @property
    def slack(self) -> float:
        """The limit minus the cost; negative where the limit is exceeded."""
        return self.limit - self.value


@dataclass(frozen=True, kw_only=True)
class Range:
    """One limit over a sample of a search space.

    Attributes:
        name: Dotted name of the cost.
        limit: The most that is allowed.
        minimum: The least cost in the sample.
        centre: The median cost.
        maximum: The greatest cost.
        feasible: The share of candidates within the limit, 0..1.
    """

    name: str
    limit: float
    minimum: float
    centre: float
    maximum: float
    feasible: float


@dataclass(frozen=True, kw_only=True)
class ResolvedBudget:
    """A budget whose limits are absolute numbers, with the rule by which costs are counted against them.

    Attributes:
        name: The budget's name.
        limits: The most of each cost, by its dotted name. Empty: nothing is limited.
        counting: The planner, kernels and core that costs are counted for.
        record: The budget as it was written, if it was.
    """

    name: str
    limits: Mapping[str, float]
    counting: Counting = field(default_factory=Counting)
    record: Budget | None = None

    def measure(self, architecture: Architecture) -> Costs:
        """The exact costs of an architecture by this budget's rule."""
        return measure(architecture, self.counting)

    def count(self, architecture: Architecture) -> Costs:
        """The costs for a search: an optimised memory plan, which is slow, is computed only where it decides feasibility."""
        if self.counting.runtime == "c" and "ram" in self.limits:
            quick = measure(architecture, replace(self.counting, quick=True))
            if quick.ram <= self.limits["ram"] or not quick.firmware or quick.firmware.least_ram > self.limits["ram"]:
                return quick
            return self.measure(architecture)
        if self.counting.planner == "greedy":
            return self.measure(architecture)
        greedy = measure(architecture, replace(self.counting, planner="greedy"))
        if self.feasible(greedy):
            return greedy
        if not self.feasible(measure(architecture, replace(self.counting, planner="bound"))):
            return greedy
        return self.measure(architecture)

    def feasible(self, costs: Costs) -> bool:
        """Whether a candidate meets every limit."""
        return all(value(costs, name) <= limit for name, limit in self.limits.items())

    def violation(self, costs: Costs) -> float:
        """How far a candidate exceeds the limits: the sum of log(value / limit) over exceeded limits; 0 where it meets all."""
        return sum(max(0.0, math.log(max(value(costs, n), 1) / limit)) for n, limit in self.limits.items())

    def max_cost_ratio(self, costs: Costs) -> float:
        """The greatest ratio of a cost to its limit: above 1 where the budget is not met."""
        return max(value(costs, name) / limit for name, limit in self.limits.items())

    def check(self, costs: Costs) -> list[Check]:
        """Every limit with its slack, in the budget's order."""
        return [Check(name=n, limit=limit, value=value(costs, n)) for n, limit in self.limits.items()]

    def survey(self, sample: Sequence[Costs]) -> list[Range]:
        """Every limit's minimum, median and maximum over a sample of candidates."""
        out = []
        for name, limit in self.limits.items():
            values = sorted(value(c, name) for c in sample)
            out.append(
                Range(
                    name=name,
                    limit=limit,
                    minimum=values[0],
                    centre=values[len(values) // 2],
                    maximum=values[-1],
                    feasible=sum(v <= limit for v in values) / len(values),
                )
            )
        return out


def certainty(name: str, runtime: Runtime = "tflm") -> Literal["exact", "estimate"]:
    """Whether a cost is exact or an estimate before a file is written or run.

    Args:
        name: Dotted name of the cost.
        runtime: What it is counted for.

    Returns:
        Which of the two.
    """
    return "estimate" if name in ESTIMATES[runtime] else "exact"


def value(costs: Costs, name: str) -> float:
    """Look up a cost.

    Args:
        costs: All costs of an architecture.
        name: A dotted name such as `macs.torchinfo`.

    Returns:
        The cost: a whole number, except for milliseconds.
    """
    cost: float = attrgetter(name)(costs)
    return cost


def resolve(budget: Budget) -> ResolvedBudget:
    """Every limit of a budget as an absolute number.

    Args:
        budget: The budget as written; shares ("60%") are taken of its reference architecture's own cost.

    Returns:
        The limits with the rule by which costs are counted.

    Raises:
        UsageError: An unknown core, or a reference that is no preset.
    """
    amounts, counting = budget.amounts(), _counting(budget)
    if any(isinstance(a, str) for a in amounts.values()):
        if budget.reference not in PRESETS:
            suggestion = did_you_mean(str(budget.reference), PRESETS)
            raise UsageError(
                f"budget {budget.name}: reference '{budget.reference}' is no preset{suggestion} (known: {', '.join(PRESETS)})"
            )
        costs = measure(PRESETS[budget.reference](), counting)
        amounts = {
            k: max(1, int(float(v[:-1]) / 100 * value(costs, k))) if isinstance(v, str) else v
            for k, v in amounts.items()
        }
    limits = {k: v for k, v in amounts.items() if not isinstance(v, str)}
    return ResolvedBudget(name=budget.name, limits=limits, counting=counting, record=budget)


def _counting(budget: Budget) -> Counting:
    """The runtime, planner, kernels and core that a budget's costs are counted for."""
    limits, chip = budget.limits, budget.chip
    arena, ram, latency = limits.arena, limits.ram, limits.latency
    kernels = arena.kernels if arena else ram.kernels if ram else "reference"
    core = latency.target if latency else chip.core if chip else DEFAULT.core
    counting = Counting(
        planner=budget.planner,
        kernels=kernels,
        runtime=budget.runtime,
        core=core if core in ARITHMETIC else DEFAULT.core,
        hop_seconds=ram.hop_seconds if ram else None,
    )
    if latency is None:
        return counting
    clock = latency.clock_mhz or (chip.clock_mhz if chip else 0.0)
    targets = CYCLES_PER_INSTRUCTION if budget.runtime == "c" else CYCLES
    return replace(counting, target=known(latency.target, targets), clock_mhz=clock)
