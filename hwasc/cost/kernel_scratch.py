"""Scratch memory of the firmware's kernels: the same for every core, so that a net needs the same RAM on all."""

from __future__ import annotations

from hwasc.cost.alignment import align
from hwasc.cost.graph import Graph, Operator
from hwasc.cost.row_plan import Axis

COLUMNS, MORE_COLUMNS, FEW = 4, 8, 32  # of scene_conv.c


def patch_bytes(graph: Graph, op: Operator, axis: Axis) -> int:
    """Count the scratch memory of an operator's kernel.

    A convolution copies what the kernel covers for four or eight columns. A depthwise convolution spreads the weights of four
    channels to int16, in pairs of rows, beside what a column outside the map adds to four sums, and the places of its rows.

    Args:
        graph: The deployment graph.
        op: An operator of it.
        axis: What a row is one step of.

    Returns:
        Bytes, a multiple of 4; 0 for pointwise convolutions and operators that are no convolution.
    """
    if op.kind not in ("conv", "depthwise") or (op.kind == "conv" and op.area == 1):
        return 0
    rows, columns = op.window if axis == "mels" else op.window[::-1]
    if op.kind == "conv":
        depth = op.area * graph.tensors[op.inputs[0]][3]
        outputs = graph.tensors[op.output][2 if axis == "mels" else 1]
        return align(min(MORE_COLUMNS if depth <= FEW else COLUMNS, outputs) * depth, 4)
    return 4 * (rows + columns * (rows // 2 * 4 + rows % 2 * 2 + 4))
