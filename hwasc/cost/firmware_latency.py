"""Instructions and milliseconds of the exported C code on a Cortex-M, from microphone to class; no torch.

Instructions are a sum over the pieces of `firmware_work`, with rates fitted to counts in an emulator by
`experiments/firmware/fit.py`; `ERRORS` has what the fit misses. They become cycles by one figure for each core: a stated
estimate, no measurement on a chip of this code (`experiments/firmware/latency.md`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hwasc.cost import graph as deployment
from hwasc.cost.firmware_front_end import Arithmetic
from hwasc.cost.firmware_rates import RATES
from hwasc.cost.firmware_work import Amounts, frame_work, net_work
from hwasc.cost.graph import Graph
from hwasc.cost.row_plan import RowPlan
from hwasc.cost.row_planner import plan_rows
from hwasc.cost.scratch import known
from hwasc.errors import UsageError
from hwasc.records.architecture import Architecture

LOOP = "engine"  # the name of what no operator does: choosing the next row, copying the features


@dataclass(frozen=True, kw_only=True)
class CyclesPerInstruction:
    """How many cycles an instruction of these kernels takes, on the whole.

    Attributes:
        likely: The figure that is used.
        low: With instructions and data in memory without waits.
        high: With flash wait states, as on a fast clock without a cache.
    """

    likely: float
    low: float
    high: float


# M4, M7, M33, M55: cycles of CMSIS-NN by this project's fit to published measurements (`latency.CYCLES`), over its instructions
# as counted in the emulator, for the DCASE 2024 baseline and CP-Mobile 32. M0+, M3: from Arm's tables of timings, see the page.
CYCLES_PER_INSTRUCTION: dict[str, CyclesPerInstruction] = {
    "cortex-m0+": CyclesPerInstruction(likely=1.4, low=1.2, high=2.5),
    "cortex-m3": CyclesPerInstruction(likely=1.4, low=1.1, high=2.2),
    "cortex-m4": CyclesPerInstruction(likely=1.2, low=1.0, high=1.8),
    "cortex-m7": CyclesPerInstruction(likely=0.8, low=0.55, high=1.2),
    "cortex-m33": CyclesPerInstruction(likely=1.2, low=0.9, high=1.8),
    "cortex-m55": CyclesPerInstruction(likely=1.15, low=0.8, high=2.3),
}
ARITHMETIC: dict[str, Arithmetic] = {
    name: "integer" if name in ("cortex-m0+", "cortex-m3") else "float" for name in CYCLES_PER_INSTRUCTION
}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Estimated latency of one clip, from its samples to its class.

    Attributes:
        milliseconds: The estimate.
        low: Lower end of its range.
        high: Upper end of its range.
        target: The core.
        clock_mhz: Its clock.
        instructions: Of a clip: front end and net.
        front_end: Instructions of the front end, over all frames of a clip.
        net: Instructions of the net.
        layers: Instructions of the net's layers in their order, and of `engine`, the loop that calls them.
    """

    milliseconds: float
    low: float
    high: float
    target: str
    clock_mhz: float
    instructions: int
    front_end: int
    net: int
    layers: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return (
            f"{self.milliseconds:,.3g} ms (estimate, {self.low:,.3g} to {self.high:,.3g}) on {self.target} at "
            f"{self.clock_mhz:g} MHz: {self.instructions / 1e6:,.3g} M instructions"
        )


def estimate_c(
    architecture: Architecture, target: str, clock_mhz: float, *, arithmetic: Arithmetic | None = None
) -> Estimate:
    """Estimate the latency of the C export for one clip.

    Args:
        architecture: The architecture, its front end included.
        target: A core, see `CYCLES_PER_INSTRUCTION`.
        clock_mhz: Its clock, above 0.
        arithmetic: Of the log-mel; None: floating point where the core has a unit for it.

    Returns:
        The estimate. All frames of the clip are counted, those too that overlapping clips of a stream share.

    Raises:
        UsageError: The target is unknown, the clock is not above 0, or the C export does not have the front end.
    """
    cycles = CYCLES_PER_INSTRUCTION[known(target, CYCLES_PER_INSTRUCTION)]
    if not (math.isfinite(clock_mhz) and clock_mhz > 0):
        raise UsageError(f"the clock must be above 0 MHz, found {clock_mhz}")
    graph = deployment.build(architecture)
    layers = net_instructions(graph, plan_rows(graph, architecture.padding), target)
    front_end = frame_instructions(architecture, target, arithmetic) * architecture.front_end.frames
    net = sum(count for _, count in layers)
    ms = (net + front_end) / (clock_mhz * 1e3)
    return Estimate(
        milliseconds=ms * cycles.likely,
        low=ms * cycles.low,
        high=ms * cycles.high,
        target=target,
        clock_mhz=clock_mhz,
        instructions=round(net + front_end),
        front_end=round(front_end),
        net=round(net),
        layers=tuple((name, round(count)) for name, count in layers),
    )


def net_instructions(graph: Graph, plan: RowPlan, target: str) -> Sequence[tuple[str, float]]:
    """Estimate the instructions of a net by layer.

    Args:
        graph: The deployment graph.
        plan: How it runs row by row.
        target: A core.

    Returns:
        Layers in the order of the graph, and `engine`.
    """
    rates = RATES[target]
    works, loop = net_work(graph, plan)
    found = {op.layer: 0.0 for op in graph.operators}
    for work in works:
        found[graph.operators[work.number].layer] += priced(work.amounts, rates[work.kind])
    found[LOOP] = priced(loop, rates[LOOP])
    return list(found.items())


def frame_instructions(architecture: Architecture, target: str, arithmetic: Arithmetic | None = None) -> float:
    """Estimate the instructions of one frame's log-mel.

    Args:
        architecture: Whose front end it is.
        target: A core.
        arithmetic: As for `estimate_c`.

    Returns:
        Instructions.
    """
    chosen = arithmetic or ARITHMETIC[target]
    return priced(frame_work(architecture.front_end, chosen), RATES[target][f"frame/{chosen}"])


def priced(amounts: Amounts, rates: Amounts) -> float:
    """Sum up pieces of work.

    Args:
        amounts: How many of each piece.
        rates: Instructions of each piece; 0 where there is none.

    Returns:
        Instructions.
    """
    return sum(rates.get(name, 0.0) * amount for name, amount in amounts.items())


__all__ = [
    "CYCLES_PER_INSTRUCTION",
    "CyclesPerInstruction",
    "Estimate",
    "estimate_c",
    "frame_instructions",
    "net_instructions",
]
