"""Flash of a net of the C export by section, before any weight is trained: the objects of `scene_net_tables.c`.

Every object is an array or a struct of its own, which the compiler aligns to 4 bytes. Sums and products of maps have a short form
and a long one; scales that allow only the long form are known after training, and are rare: `most` counts them all as long.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.cost.alignment import align
from hwasc.cost.graph import Graph, Operator
from hwasc.cost.row_plan import RowPlan

# bytes of the structs of scene_steps.h and scene_kernels.h where pointers have 32 bits
STEP, SEGMENT, BUFFER = 32, 16, 8
CONV, LINEAR, PRODUCT, PAIR, MEAN, POOL, UNARY = 32, 24, 24, 40, 20, 20, 12
# Bytes of the program with every kind of operator, from microphone to class: code, its own constants, and what it takes of the
# compiler's libraries. Measured with GCC 12.2 -O2 (`hwasc bench firmware` prints a net's own figure); a net that lacks operators,
# or another compiler, takes somewhat less or more. The log-mel's arithmetic is the core's, see `firmware_latency.ARITHMETIC`.
CODE: dict[str, int] = {
    "cortex-m0+": 14_500,
    "cortex-m3": 11_000,
    "cortex-m4": 12_500,
    "cortex-m7": 12_500,
    "cortex-m33": 12_500,
    "cortex-m55": 10_500,
}
NUMBERS = {
    **{"conv": CONV, "depthwise": CONV, "average_pool": POOL, "add": LINEAR, "mul": PRODUCT},
    **{"div": PAIR, "maximum": PAIR, "mean": MEAN, "rsqrt": UNARY},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetFlash:
    """Bytes of a net's tables.

    Attributes:
        weights: int8 weights.
        biases: int32, with the input's zero point folded in.
        multipliers: int32, one for each output channel of a convolution.
        shifts: int8, one for each output channel of a convolution.
        constants: int8 constants of elementwise operators.
        numbers: Structs of the operators.
        schedule: Steps, segments and buffers.
        most: What the tables need at most (see above).
    """

    weights: int
    biases: int
    multipliers: int
    shifts: int
    constants: int
    numbers: int
    schedule: int
    most: int

    @property
    def total(self) -> int:
        """All sections."""
        return (
            self.weights + self.biases + self.multipliers + self.shifts + self.constants + self.numbers + self.schedule
        )


def net_flash(graph: Graph, plan: RowPlan) -> NetFlash:
    """Count the bytes of a net's tables.

    Args:
        graph: The deployment graph.
        plan: Its plan.

    Returns:
        Bytes by section.
    """
    filters = [op for op in graph.operators if op.kind in ("conv", "depthwise")]
    others = [op for op in graph.operators if op.kind not in ("conv", "depthwise")]
    numbers = sum(NUMBERS[op.kind] for op in graph.operators)
    sections = {
        "weights": sum(align(op.weights, 4) for op in filters),
        "biases": sum(4 * op.biases for op in filters),
        "multipliers": sum(4 * op.biases for op in filters),
        "shifts": sum(align(op.biases, 4) for op in filters),
        "constants": sum(align(op.weights, 4) for op in others),
        "numbers": numbers,
        "schedule": _schedule(graph, plan),
    }
    longer = sum(PAIR - NUMBERS[op.kind] for op in graph.operators if op.kind in ("add", "mul"))
    return NetFlash(**sections, most=sum(sections.values()) + longer)


def _schedule(graph: Graph, plan: RowPlan) -> int:
    (start,) = graph.inputs
    steps = 0
    buffers: set[tuple[int, int, int]] = set()
    for segment in plan.segments:
        steps += len(segment.rows) + len(segment.cells)
        steps += any(start in graph.operators[n].inputs for n in segment.rows)  # copies rows of the features
        steps += len(segment.sums)  # makes the means of their sums
        buffers |= {(b.offset, b.held, b.bytes) for b in segment.buffers.values()}
        buffers |= {(at, 1, _sums(graph.operators[n], graph)) for n, at in segment.sums.items()}
    return STEP * steps + SEGMENT * len(plan.segments) + BUFFER * len(buffers)


def _sums(op: Operator, graph: Graph) -> int:
    return 4 * graph.tensors[op.output][3]
