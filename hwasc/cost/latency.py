"""Latency of one inference on a Cortex-M with TensorFlow Lite Micro and CMSIS-NN: an estimate, from published figures only.

Cycles are summed over the operators: so many a MAC and an output element by kind of convolution, so many an element of the rest.
The table is fitted by `experiments/deploy/latency.py`; the pages beside it have its errors (`latency.md`), its sources
(`latency_sources.md`) and what was derived for want of figures (`latency_fit.md`). Nothing here was measured by this project.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hwasc.cost.graph import Graph, Operator
from hwasc.cost.scratch import known
from hwasc.errors import UsageError


@dataclass(frozen=True)
class Cycles:
    """Cycles of a target. conv (a kernel above 1x1), pointwise, depthwise: (a MAC, an output element).

    pool: a value read. add, mul: an element, both operands of one shape. mean: a value read. reference: an output element
    of what has no kernel of its own (quotients, operands that are broadcast). operator: each operator once. low, high:
    what an estimate is multiplied by for the ends of its range.
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


@dataclass(frozen=True)
class Latency:
    """An estimate of milliseconds for one inference, and the range that it stands for (see `Cycles`)."""

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


# M4, M33, M7: the range holds every leave-one-out error, rounded outward. M55, M0+ rest on one chip and net each: a factor of 2.
CYCLES: dict[str, Cycles] = {
    "cortex-m0+": Cycles(
        (14.9, 86.0),
        (7.79, 86.0),
        (14.9, 241),
        47.2,
        82.2,
        49.8,
        mean=136,
        reference=117,
        operator=400,
        low=0.5,
        high=2.0,
    ),
    "cortex-m4": Cycles(
        (2.51, 86.2),
        (1.31, 86.2),
        (2.51, 67.7),
        10.9,
        82.4,
        49.9,
        mean=136,
        reference=117,
        operator=400,
        low=0.65,
        high=1.5,
    ),
    "cortex-m7": Cycles(
        (1.66, 56.9),
        (0.863, 56.9),
        (1.66, 44.7),
        7.2,
        54.4,
        32.9,
        mean=89.8,
        reference=77.4,
        operator=264,
        low=0.65,
        high=1.5,
    ),
    "cortex-m33": Cycles(
        (2.52, 86.6),
        (1.31, 86.6),
        (2.52, 68.0),
        11.0,
        82.8,
        50.1,
        mean=137,
        reference=118,
        operator=402,
        low=0.65,
        high=1.5,
    ),
    "cortex-m55": Cycles(
        (0.585, 20.1),
        (0.212, 13.9),
        (0.757, 20.4),
        1.86,
        13.3,
        8.07,
        mean=136,
        reference=117,
        operator=400,
        low=0.5,
        high=2.0,
    ),
}


def estimate(graph: Graph, target: str, clock_mhz: float) -> Latency:
    """The estimated latency of a graph; UsageError for an unknown target or a clock that is not above 0."""
    row = CYCLES[known(target, CYCLES)]
    if not (math.isfinite(clock_mhz) and clock_mhz > 0):
        raise UsageError(f"the clock must be above 0 MHz, found {clock_mhz}")
    ms = sum(operator_cycles(graph, op, row) for op in graph.operators) / (clock_mhz * 1e3)
    return Latency(ms, ms * row.low, ms * row.high, target, clock_mhz)


def operator_cycles(graph: Graph, op: Operator, row: Cycles) -> float:
    """Cycles of one operator, the interpreter's own share included."""
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
