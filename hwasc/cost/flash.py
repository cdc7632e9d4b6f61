"""Bytes of a student's .tflite file, its share of the chip's flash, predicted before any weight is trained.

Constants are counted from the deployment graph; the file's own structure (names, shapes, tables, metadata) by average sizes,
fitted on the files of 24 random architectures of the full space. `tests/cost/test_flash.py` checks that the prediction is within
2 % on others. After export the file's size is exact.
"""

from __future__ import annotations

from hwasc.cost.alignment import align
from hwasc.cost.graph import Graph, Operator
from hwasc.records import schema
from hwasc.records.architecture import Architecture

PER_CHANNEL = 24  # a float32 scale and an int64 zero point, for the weights and for the biases
# bytes of structure: of the file, of a convolution with its two constants, of another operator, of another operator's constant
STRUCTURE, CONVOLUTION, OPERATOR, CONSTANT = 1140, 393, 190, 61
SLICE = 200  # bytes of the two constants of a cut


def flash(architecture: Architecture, graph: Graph) -> int:
    """Estimate the size of the .tflite file, within 2 %.

    Args:
        architecture: The student's.
        graph: Its deployment graph.

    Returns:
        Bytes, with ten short class names.
    """
    return (
        STRUCTURE
        + len(schema.canonical(architecture))
        + sum(_operator(op, architecture, graph) for op in graph.operators)
    )


def _operator(op: Operator, a: Architecture, graph: Graph) -> int:
    if op.shares is not None:
        return OPERATOR
    if op.kind == "slice":
        return OPERATOR + SLICE
    if op.kind in ("conv", "depthwise"):
        rows, columns = _extended(op, a, graph)
        return _convolution(op.weights // op.area * rows * columns, op.biases)
    if op.kind == "average_pool" and a.padding == "torch":  # a depthwise convolution with ninths
        channels = graph.tensors[op.output][3]
        rows, columns = _extended(op, a, graph)
        return _convolution(rows * columns * channels, channels)
    return OPERATOR + (CONSTANT + op.weights if op.weights or op.kind == "mean" else 0)  # a mean's axes


def _convolution(weights: int, channels: int) -> int:
    return CONVOLUTION + align(weights) + align(4 * channels) + PER_CHANNEL * channels


def _extended(op: Operator, a: Architecture, graph: Graph) -> tuple[int, int]:
    """The kernel in the file: with the row and column of zeros that turn SAME's alignment into torch's (see `deploy.tflite`)."""
    _, *sizes, _ = graph.tensors[op.inputs[0]]
    torch = a.padding == "torch"
    rows, columns = (
        kernel + int(torch and kernel > 1 and stride == 2 and size % 2 == 0)
        for kernel, stride, size in zip(op.window, op.stride, sizes, strict=True)
    )
    return rows, columns
