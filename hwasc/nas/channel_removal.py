"""Which channels to take out so that a student keeps its limits: those that cost the least loss for the cost they save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hwasc.cost.limits import ResolvedBudget, value
from hwasc.cost.measure import Costs, layers
from hwasc.errors import HwascError
from hwasc.records.architecture import Architecture
from hwasc.records.widths import resized, widths

# Channels go by fours: Cortex-M4, M7 and M33 load four int8 channels a 32-bit word, which also keeps rows aligned. Eights
# (the grid of search spaces) would halve the narrow widths at one stroke and end farther from the budget's edge.
GRID = 4
WIDE_GRID = 8  # of the start net
POWER = 16  # of the mean that stands for the peak of live memory


def widen(architecture: Architecture, budget: ResolvedBudget, *, times: float) -> Architecture:
    """Widen all channel counts by one factor, to multiples of 8, until the binding limit is passed.

    Args:
        architecture: Where to start.
        budget: The limits.
        times: How many times the binding limit is passed at least.

    Returns:
        The narrowest such architecture.
    """
    factor, wide, base = 1.0, architecture, widths(architecture)
    while budget.max_cost_ratio(budget.count(wide)) < times:
        factor *= 1.02
        wide = resized(architecture, {k: max(w, round(w * factor / WIDE_GRID) * WIDE_GRID) for k, w in base.items()})
    return wide


def channels_to_remove(
    architecture: Architecture,
    importance: Mapping[str, np.ndarray],
    budget: ResolvedBudget,
    limits: Mapping[str, float] | None = None,
) -> dict[str, list[int]]:
    """Channels to remove, by width, so that what is left keeps the limits.

    Greedily, by fours: of every width the least important channels are weighed against how far their loss brings the limits
    that are still broken, in log cost; the cheapest go.

    Args:
        architecture: The net before.
        importance: By width's name, a number for each of its channels; the least go first.
        budget: How costs are counted, and the limits.
        limits: Other limits to reach, by the same names.

    Returns:
        By width's name, the indices of the channels that go.

    Raises:
        HwascError: Every width is down to four and a limit is still broken.
    """
    aim = budget if limits is None else replace(budget, limits=limits)
    order = {name: np.argsort(scores, kind="stable") for name, scores in importance.items()}
    gone = dict.fromkeys(order, 0)
    left = architecture
    while not aim.feasible(costs := budget.count(left)):
        broken = [name for name, limit in aim.limits.items() if value(costs, name) > limit]
        now, have = _pressure(left, costs, broken), widths(left)
        choices = []
        for name, width in have.items():
            size = width % GRID or GRID
            if width <= GRID:
                continue
            smaller = resized(left, have | {name: width - size})
            saved = now - _pressure(smaller, budget.count(smaller), broken)
            lost = float(importance[name][order[name][gone[name] : gone[name] + size]].sum())
            if saved > 0:
                choices.append((lost / saved, name, size, smaller))
        if not choices:
            raise HwascError(
                f"pruning cannot bring {' and '.join(broken)} of {architecture.id} within the budget; search without --refine"
            )
        _, name, size, left = min(choices, key=lambda c: c[:2])
        gone[name] += size
    return {name: sorted(order[name][:n].tolist()) for name, n in gone.items() if n}


def _pressure(architecture: Architecture, costs: Costs, broken: list[str]) -> float:
    """The sum of the logs of the broken limits' costs, the peak of live memory softened to a power mean over operators.

    Peaks of equal height would otherwise hide each other: no single width would seem to save anything.
    """
    if not any(name.startswith(("int8_memory", "arena")) for name in broken):
        return float(sum(np.log(value(costs, name)) for name in broken))
    live = np.array([layer.live_memory for layer in layers(architecture)], float)
    peak = round(float(live.max() * ((live / live.max()) ** POWER).sum() ** (1 / POWER)))
    more = peak - costs.int8_memory.activations
    memory = replace(costs.int8_memory, activations=peak, total=costs.int8_memory.total + more)
    soft = replace(costs, int8_memory=memory, arena=costs.arena + more)
    return float(sum(np.log(value(soft, name)) for name in broken))
