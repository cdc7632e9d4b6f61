"""Latency of one inference on a Cortex-M with TensorFlow Lite Micro and CMSIS-NN: an estimate, from published figures only.

Cycles are summed over the operators: by kind of convolution a rate for each MAC and each output element, for other operators a
rate for each element. The table is fitted by `experiments/deploy/latency.py`; the pages beside it have its errors (`latency.md`),
its sources (`latency_sources.md`) and what was derived where no figures were found (`latency_fit.md`). Nothing here was measured
by this project.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hwasc.cost.graph import Graph, Operator
from hwasc.cost.scratch import known
from hwasc.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """Cycles of a target.

    Attributes:
        conv: Of a convolution above 1x1: for each MAC, for each output element.
        pointwise: Of a 1x1 convolution: for each MAC, for each output element.
        depthwise: Of a depthwise convolution: for each MAC, for each output element.
        pool: For each value that pooling reads.
        add: For each element of a sum of operands of one shape.
        mul: For each element of a product of operands of one shape.
        mean: For each value that a mean reads.
        reference: For each output element of operators without an optimised kernel (quotients, broadcast operands).
        operator: For each operator once.
        low: Factor from an estimate to the lower end of its range.
        high: Factor to the upper end.
    """

    conv: tuple[float, float]
    pointwise: tuple[float, float]
    depthwise: tuple[float, float]
    pool: float
    add: float
    mul: float
    mean: float
    reference: float
    operator: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Estimated latency of one inference.

    Attributes:
        milliseconds: The estimate.
        low: Lower end of its range.
        high: Upper end of its range.
        target: The core, such as `cortex-m4`.
        clock_mhz: Its clock.
    """

    milliseconds: float
    low: float
    high: float
    target: str
    clock_mhz: float

    def __str__(self) -> str:
        return (
            f"{self.milliseconds:,.3g} ms (estimate, {self.low:,.3g} to {self.high:,.3g}) "
            f"on {self.target} at {self.clock_mhz:g} MHz"
        )


# M4, M33, M7: the range covers every leave-one-out error, rounded outward. M55, M0+ rest on one chip and net each: a factor of 2.
CYCLES: dict[str, Cycles] = {
    "cortex-m0+": Cycles(
        conv=(14.9, 86.0),
        pointwise=(7.79, 86.0),
        depthwise=(14.9, 241),
        pool=47.2,
        add=82.2,
        mul=49.8,
        mean=136,
        reference=117,
        operator=400,
        low=0.5,
        high=2.0,
    ),
    "cortex-m4": Cycles(
        conv=(2.51, 86.2),
        pointwise=(1.31, 86.2),
        depthwise=(2.51, 67.7),
        pool=10.9,
        add=82.4,
        mul=49.9,
        mean=136,
        reference=117,
        operator=400,
        low=0.65,
        high=1.5,
    ),
    "cortex-m7": Cycles(
        conv=(1.66, 56.9),
        pointwise=(0.863, 56.9),
        depthwise=(1.66, 44.7),
        pool=7.2,
        add=54.4,
        mul=32.9,
        mean=89.8,
        reference=77.4,
        operator=264,
        low=0.65,
        high=1.5,
    ),
    "cortex-m33": Cycles(
        conv=(2.52, 86.6),
        pointwise=(1.31, 86.6),
        depthwise=(2.52, 68.0),
        pool=11.0,
        add=82.8,
        mul=50.1,
        mean=137,
        reference=118,
        operator=402,
        low=0.65,
        high=1.5,
    ),
    "cortex-m55": Cycles(
        conv=(0.585, 20.1),
        pointwise=(0.212, 13.9),
        depthwise=(0.757, 20.4),
        pool=1.86,
        add=13.3,
        mul=8.07,
        mean=136,
        reference=117,
        operator=400,
        low=0.5,
        high=2.0,
    ),
}


def estimate(graph: Graph, target: str, clock_mhz: float) -> Latency:
    """Estimate the latency of a graph.

    Args:
        graph: The deployment graph.
        target: A core, see `CYCLES`.
        clock_mhz: Its clock, above 0.

    Returns:
        The estimate.

    Raises:
        UsageError: The target is unknown, or the clock is not above 0.
    """
    row = CYCLES[known(target, CYCLES)]
    if not (math.isfinite(clock_mhz) and clock_mhz > 0):
        raise UsageError(f"the clock must be above 0 MHz, found {clock_mhz}")
    ms = sum(operator_cycles(graph, op, row) for op in graph.operators) / (clock_mhz * 1e3)
    return Latency(milliseconds=ms, low=ms * row.low, high=ms * row.high, target=target, clock_mhz=clock_mhz)


def operator_cycles(graph: Graph, op: Operator, row: Cycles) -> float:
    """Estimate the cycles of one operator, with the interpreter's part.

    Args:
        graph: The deployment graph.
        op: One of its operators.
        row: The target's cycles.

    Returns:
        Cycles.
    """
    read, written = _elements(graph, op.inputs[0]), _elements(graph, op.output)
    if op.kind in ("conv", "depthwise"):
        rates = row.depthwise if op.kind == "depthwise" else row.conv if op.area > 1 else row.pointwise
        work = rates[0] * op.macs + rates[1] * written
    elif op.kind == "average_pool":
        work = row.pool * written * op.area
    elif op.kind == "mean":
        work = row.mean * read
    elif op.kind in ("add", "mul") and len(op.inputs) == 2 and read == _elements(graph, op.inputs[1]):
        work = written * (row.add if op.kind == "add" else row.mul)
    else:
        work = row.reference * written
    return work + row.operator


def _elements(graph: Graph, tensor: int) -> int:
    _, h, w, c = graph.tensors[tensor]
    return h * w * c
