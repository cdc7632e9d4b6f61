"""Scratch memory of the firmware's kernels: the same for every core, so that a net needs the same RAM on all."""

from __future__ import annotations

from hwasc.cost.alignment import align
from hwasc.cost.graph import Graph, Operator
from hwasc.cost.row_plan import Axis


def patch_bytes(graph: Graph, op: Operator, axis: Axis) -> int:
    """Count the scratch memory of an operator's kernel.

    A convolution copies what the kernel covers for two columns. A depthwise convolution spreads two channels of its input rows
    as pairs of int16, beside one channel's weights in two orders (for outputs at even and at odd columns).

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
        return align(2 * op.area * graph.tensors[op.inputs[0]][3], 4)
    outputs = graph.tensors[op.output][2 if axis == "mels" else 1]
    stride = op.stride[1 if axis == "mels" else 0]
    pairs = (outputs + 1) // 2 + columns // 2 if stride == 1 else outputs - 1 + (columns + 1) // 2
    return 4 * rows * (2 * pairs + 2 * (columns // 2 + 1))
