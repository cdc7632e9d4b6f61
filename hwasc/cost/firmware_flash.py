"""Flash of the exported C code: its program by core, as measured, and the net's tables, counted; no torch."""

from __future__ import annotations

from hwasc.cost.graph import Graph, Operator
from hwasc.cost.row_plan import RowPlan, Rows

# Bytes of the program with every kind of operator, from microphone to class: code, its own constants, and what it takes of the
# compiler's libraries. Measured with GCC 12.2 -O2 (`hwasc bench firmware` prints a net's own figure); a net that lacks operators,
# or another compiler, takes somewhat less or more. Arithmetic as in `firmware_latency.ARITHMETIC`.
PROGRAM: dict[str, int] = {
    "cortex-m0+": 13_000,
    "cortex-m3": 9_250,
    "cortex-m4": 12_000,
    "cortex-m7": 12_000,
    "cortex-m33": 11_750,
    "cortex-m55": 9_750,
}

# sizeof the structs in sources/scene_steps.h and scene_kernels.h where pointers have 4 bytes
CONVOLUTION, PAIR, LINEAR, MEAN, POOL, UNARY = 32, 40, 24, 24, 20, 12
STEP, BUFFER, SEGMENT = 32, 8, 16
CHANNEL = 4 + 4 + 1  # bias, multiplier, shift


def net_flash(graph: Graph, plan: RowPlan) -> int:
    """Count the bytes of a net's tables, `scene_net_tables.c`, on a 32-bit core.

    Args:
        graph: The deployment graph.
        plan: How it runs row by row.

    Returns:
        Bytes; 16 more for each sum or product whose scales are so unlike that the short form does not give its numbers.
    """
    used: set[int] = set()
    buffers: set[Rows] = set()
    steps = 0
    for segment in plan.segments:
        numbers = (*segment.rows, *segment.cells)
        used |= set(numbers)
        means = [n for n in segment.rows if graph.operators[n].kind == "mean"]
        loads = any(graph.inputs[0] in graph.operators[n].inputs for n in segment.rows)
        steps += len(numbers) + len(means) + loads
        buffers |= {Rows(1, 4 * graph.tensors[graph.operators[n].output][3], segment.sums[n]) for n in means}
        for number in numbers:
            op = graph.operators[number]
            buffers |= {segment.buffers[tensor] for tensor in (*op.inputs, op.output)}
    tables = sum(_bytes(graph, graph.operators[number]) for number in used)
    return tables + STEP * steps + BUFFER * len(buffers) + SEGMENT * len(plan.segments)


def _bytes(graph: Graph, op: Operator) -> int:
    """Bytes of an operator's constants."""
    if op.kind in ("conv", "depthwise"):
        return CONVOLUTION + op.weights + CHANNEL * graph.tensors[op.output][3]
    if op.kind == "average_pool":
        return POOL
    if op.kind == "mean":
        return MEAN
    if op.kind == "rsqrt":
        return UNARY
    return op.weights + (LINEAR if op.kind in ("add", "mul") else PAIR)
