"""An architecture beside a budget: every limit with its cost, the parts of its RAM, the time of a clip on a chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hwasc.cost import graph as deployment
from hwasc.cost.firmware_latency import CYCLES_PER_INSTRUCTION, estimate_c
from hwasc.cost.frontend import front_end_costs
from hwasc.cost.latency import CYCLES, estimate
from hwasc.cost.limits import Check, ResolvedBudget
from hwasc.cost.measure import Costs, measure
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Chip, Runtime


@dataclass(frozen=True, kw_only=True)
class ClipTime:
    """Estimated time of a clip on a core.

    Attributes:
        milliseconds: The estimate.
        low: Lower end of its range.
        high: Upper end of its range.
        target: The core.
        clock_mhz: Its clock.
        front_end: Whether the time of the front end is in it; else it is the net's alone.
        seconds: Length of the clip.
    """

    milliseconds: float
    low: float
    high: float
    target: str
    clock_mhz: float
    front_end: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How an architecture fits a budget.

    Attributes:
        budget: Name of the budget; None: nothing is limited.
        runtime: What the costs are counted for.
        checks: Every limit with its cost, in the budget's order.
        ram: Bytes of RAM from microphone to class: samples, front end, features and net.
        ram_parts: What they consist of, in bytes.
        chip: The budget's microcontroller, if it names one.
        time: Of a clip; None where no core is named, or one without an estimate.
    """

    budget: str | None
    runtime: Runtime
    checks: list[Check]
    ram: int
    ram_parts: dict[str, int]
    chip: Chip | None = None
    time: ClipTime | None = None

    @property
    def exceeded(self) -> list[Check]:
        """The limits that are not met."""
        return [c for c in self.checks if c.slack < 0]

    def with_file(self, size: int | None) -> Fit:
        """The same with the size of the written model file, where that is what the limit of the flash is for.

        Args:
            size: Bytes of the .tflite file; None: it is not written.

        Returns:
            The comparison.
        """
        if size is None or self.runtime != "tflm":
            return self
        return replace(self, checks=[replace(c, value=size) if c.name == "flash" else c for c in self.checks])


def fit(architecture: Architecture, budget: ResolvedBudget | None = None, costs: Costs | None = None) -> Fit:
    """Compare an architecture with a budget.

    Args:
        architecture: The architecture.
        budget: The limits; None: none.
        costs: The architecture's, as the budget counts; None: they are counted.

    Returns:
        The comparison.

    Raises:
        UsageError: The budget is for the C export, which can't run the net or its front end.
    """
    if costs is None:
        costs = budget.measure(architecture) if budget else measure(architecture)
    return Fit(
        budget=budget.name if budget else None,
        runtime="c" if costs.firmware else "tflm",
        checks=budget.check(costs) if budget else [],
        ram=costs.ram,
        ram_parts=_parts(architecture, costs),
        chip=budget.record.chip if budget and budget.record else None,
        time=_time(architecture, budget) if budget else None,
    )


def _parts(architecture: Architecture, costs: Costs) -> dict[str, int]:
    if costs.firmware:
        ram = costs.firmware.ram
        working = "front end, then net" if ram.front_end > ram.net else "net, after the front end"
        parts: Mapping[str, int] = {
            "samples": ram.audio,
            "features": ram.features,
            working: ram.scratch,
            "counters, logits": ram.other,
        }
    else:
        front_end = front_end_costs(architecture.front_end).ram
        parts = {"arena": costs.arena, "samples": front_end.samples, "front end": front_end.fft}
    return dict(parts)


def _time(architecture: Architecture, budget: ResolvedBudget) -> ClipTime | None:
    """On the core of the latency limit, or else of the chip."""
    counting, chip = budget.counting, budget.record.chip if budget.record else None
    target, clock = counting.target, counting.clock_mhz
    if target is None and chip:
        target, clock = chip.core, chip.clock_mhz
    by_rows = counting.runtime == "c"
    if target is None or target not in (CYCLES_PER_INSTRUCTION if by_rows else CYCLES):
        return None
    found = (
        estimate_c(architecture, target, clock) if by_rows else estimate(deployment.build(architecture), target, clock)
    )
    return ClipTime(
        milliseconds=found.milliseconds,
        low=found.low,
        high=found.high,
        target=target,
        clock_mhz=clock,
        front_end=by_rows,
        seconds=architecture.front_end.seconds,
    )
