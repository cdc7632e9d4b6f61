"""Which channels to remove so that a student meets its limits: those whose removal costs the least loss for what it saves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hwasc.cost.graph import build
from hwasc.cost.limits import ResolvedBudget, value
from hwasc.cost.measure import Costs, layers
from hwasc.cost.row_planner import plan_rows
from hwasc.errors import HwascError
from hwasc.records.architecture import Architecture
from hwasc.records.widths import resized, widths

# Channels are removed in fours: Cortex-M4, M7 and M33 load four int8 channels a 32-bit word, which also keeps rows aligned.
# Eights (the grid of search spaces) would halve narrow widths in one step and end farther below the limits.
GRID = 4
WIDE_GRID = 8  # of the start net
POWER = 16  # of the mean that stands for the peak of live memory


def widen(architecture: Architecture, budget: ResolvedBudget, *, times: float) -> Architecture:
    """Widen all channel counts by one factor, to multiples of 8, until the binding limit is exceeded.

    Args:
        architecture: Where to start.
        budget: The limits.
        times: Cost over limit to reach, for the limit that is exceeded most.

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
    """Channels to remove, by width, so that the rest meets the limits.

    Greedy, four channels at a time: for each width, the importance of its least important channels is divided by how much
    their removal lowers the exceeded costs, in logarithms. The channels of the lowest quotient are removed.

    Args:
        architecture: The net before.
        importance: By width's name, a number for each of its channels; the lowest are removed first.
        budget: How costs are counted, and the limits.
        limits: Other limits to reach, by the same names.

    Returns:
        By width's name, the indices of the channels to remove.

    Raises:
        HwascError: Every width is down to four and a limit is still exceeded.
    """
    aim = budget if limits is None else replace(budget, limits=limits)
    order = {name: np.argsort(scores, kind="stable") for name, scores in importance.items()}
    removed = dict.fromkeys(order, 0)
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
            lost = float(importance[name][order[name][removed[name] : removed[name] + size]].sum())
            if saved > 0:
                choices.append((lost / saved, name, size, smaller))
        if not choices:
            raise HwascError(
                f"pruning cannot bring {' and '.join(broken)} of {architecture.id} within the budget; search without --refine"
            )
        _, name, size, left = min(choices, key=lambda c: c[:2])
        removed[name] += size
    return {name: sorted(order[name][:n].tolist()) for name, n in removed.items() if n}


def _pressure(architecture: Architecture, costs: Costs, broken: list[str]) -> float:
    """The sum of the logarithms of the exceeded costs. For memory, the peak is replaced by a power mean over operators.

    With the peak alone, two operators of equal memory would hide each other: no single width would seem to save anything. In
    the C export segments take the place of operators.
    """
    if any(name.startswith(("int8_memory", "arena", "ram")) for name in broken):
        costs = _with_soft_peak(architecture, costs)
    return float(sum(np.log(value(costs, name)) for name in broken))


def _with_soft_peak(architecture: Architecture, costs: Costs) -> Costs:
    peak = _power_mean([layer.live_memory for layer in layers(architecture)])
    more = peak - costs.int8_memory.activations
    memory = replace(costs.int8_memory, activations=peak, total=costs.int8_memory.total + more)
    ram = costs.ram + more
    if costs.firmware:
        plan = plan_rows(build(architecture), architecture.padding, quick=True)
        sizes = [sum(held.held * held.bytes for held in s.buffers.values()) for s in plan.segments]
        ram = costs.ram - costs.firmware.ram.scratch + _power_mean(sizes)
    return replace(costs, int8_memory=memory, arena=costs.arena + more, ram=ram)


def _power_mean(sizes: Sequence[int]) -> int:
    live = np.array(sizes, float)
    return round(float(live.max() * ((live / live.max()) ** POWER).sum() ** (1 / POWER)))
