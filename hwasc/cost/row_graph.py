"""A deployment graph as row operators over one axis: which operators run row by row, and which rows each of them reads.

Operators on tensors of one cell (GRN's gain) run once, after the rows of their segment. All others run row by row. A row operator
that needs a finished mean, or what follows from it, waits for a later segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hwasc.cost.graph import Graph, Operator, Shape
from hwasc.cost.row_operator import RowOperator
from hwasc.cost.row_plan import Axis
from hwasc.errors import UsageError

Padding = Literal["same", "torch"]
ALIGNMENT = 4  # bytes: of rows and offsets, so that kernels may load words
WINDOWED = ("conv", "depthwise", "average_pool")


@dataclass(frozen=True)
class RowGraph:
    """A graph as row operators.

    Attributes:
        graph: The deployment graph.
        rows: The row operators, in the order of the graph; their rows are counted by `along`.
        cells: Numbers of the operators on tensors of one cell, each with the position of the last row operator that it needs.
        heights: Rows of each tensor.
        bytes: Of a row of each tensor, aligned.
    """

    graph: Graph
    rows: tuple[RowOperator, ...]
    cells: tuple[tuple[int, int], ...]
    heights: tuple[int, ...] = ()
    bytes: tuple[int, ...] = ()

    def along(self, axis: Axis, padding: Padding) -> RowGraph:
        """Count the rows over one axis.

        Args:
            axis: What a row is: one band (`mels`) or one frame (`frames`).
            padding: `same` (TFLite's) or `torch` (kernel // 2 on each side).

        Returns:
            The graph with its numbers of rows.
        """
        a = 1 if axis == "mels" else 2
        heights = tuple([shape[a] for shape in self.graph.tensors])
        sizes = tuple([-(-shape[3 - a] * shape[3] // ALIGNMENT) * ALIGNMENT for shape in self.graph.tensors])
        out = []
        for n, inputs, cells, output, result, after, *_ in self.rows:
            op = self.graph.operators[n]
            height = heights[inputs[0]]
            if op.kind in WINDOWED:
                kernel, stride = op.window[a - 1], op.stride[a - 1]
                pad = _pad(kernel, stride, height=height, padding=padding)
                rows = heights[output]
                out.append(RowOperator._make((n, inputs, cells, output, result, after, rows, kernel, stride, pad)))
            else:
                out.append(RowOperator._make((n, inputs, cells, output, result, after, height, 1, 1, 0)))
        return RowGraph(self.graph, tuple(out), self.cells, heights=heights, bytes=sizes)


def row_graph(graph: Graph) -> RowGraph:
    """Read a deployment graph as row operators.

    Args:
        graph: The deployment graph.

    Returns:
        The row operators and what they read, without their numbers of rows.

    Raises:
        UsageError: An operator can't run row by row.
    """
    if len(graph.inputs) != 1:
        raise UsageError(f"the net has {len(graph.inputs)} inputs: the C export is for one; export as 'tflite'")
    shapes = graph.tensors
    made = dict.fromkeys(graph.inputs, -1)  # tensor -> position of the last row operator that it needs
    streams = set(graph.inputs)  # tensors that are made row by row
    rows: list[RowOperator] = []
    cells: list[tuple[int, int]] = []
    for number, op in enumerate(graph.operators):
        if _runs_once(op, shapes):
            made[op.output] = max([made[i] for i in op.inputs])
            cells.append((number, made[op.output]))
            continue
        maps, broadcast = _split(op, shapes)
        after = max([-1, *[made[i] for i in broadcast], *[made[i] for i in maps if i not in streams]])
        made[op.output] = len(rows)
        output = -1 if op.kind == "mean" else op.output
        rows.append(RowOperator(number, maps, broadcast, output, result=op.output, after=after))
        if output >= 0:
            streams.add(output)
    return RowGraph(graph, tuple(rows), tuple(cells))


def _pad(kernel: int, stride: int, *, height: int, padding: Padding) -> int:
    if padding == "torch":
        return kernel // 2
    return max((-(-height // stride) - 1) * stride + kernel - height, 0) // 2


def _one_cell(shape: Shape) -> bool:
    return shape[1] == shape[2] == 1


def _runs_once(op: Operator, shapes: tuple[Shape, ...]) -> bool:
    if op.kind in WINDOWED or not _one_cell(shapes[op.output]):
        return False
    return all([_one_cell(shapes[i]) for i in op.inputs]) and (op.kind != "mean" or shapes[op.output][3] == 1)


def _split(op: Operator, shapes: tuple[Shape, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The maps that a row operator reads row by row, and the tensors of one cell that it reads whole."""
    inputs, shape = tuple(dict.fromkeys(op.inputs)), shapes[op.output]
    if op.kind in WINDOWED:
        return inputs, ()
    where = f"operator '{op.kind}' of layer '{op.layer}'"
    if op.kind == "mean":
        if not _one_cell(shape) or shape[3] != shapes[inputs[0]][3]:
            raise UsageError(f"{where}: a mean over channels of a map can't run row by row; export as 'tflite'")
        return inputs, ()
    if op.kind not in ("add", "mul"):
        raise UsageError(f"{where} works on a whole map, which the C export can't; export as 'tflite'")
    maps = tuple(i for i in inputs if shapes[i] == shape)
    rest = tuple(i for i in inputs if i not in maps)
    if not maps or not all(_one_cell(shapes[i]) and shapes[i][3] in (1, shape[3]) for i in rest):
        raise UsageError(f"{where} mixes maps of different sizes, which the C export can't; export as 'tflite'")
    return maps, rest
