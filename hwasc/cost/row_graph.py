"""A deployment graph as row operators over one axis: which operators run row by row, and which rows each of them reads.

Operators on tensors of one cell (GRN's gain) run once, after the rows of their segment. All others run row by row. A row operator
that needs a finished mean, or what follows from it, waits for a later segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hwasc.cost.alignment import align
from hwasc.cost.graph import Graph, Operator, Shape
from hwasc.cost.row_plan import Axis
from hwasc.errors import UsageError

Padding = Literal["same", "torch"]
ALIGNMENT = 4  # bytes: of rows and offsets, so that kernels may load words
WINDOWED = ("conv", "depthwise", "average_pool")


@dataclass(frozen=True, slots=True)
class RowOperator:
    """An operator that runs row by row.

    Attributes:
        number: In the graph.
        inputs: Maps that it reads row by row, each once.
        cells: Tensors of one cell that it reads beside them; they are complete before its first row.
        output: The tensor whose rows it makes; -1 for a mean over the map: its result is complete after the last row.
        result: The tensor that it makes.
        rows: How many it makes; a mean has one for each row of its input.
        kernel: Rows of the window.
        stride: Rows from one window to the next.
        pad: Rows of the first window that lie outside the map.
        after: Position of the last row operator that has to be in an earlier segment; -1: none.
    """

    number: int
    inputs: tuple[int, ...]
    cells: tuple[int, ...]
    output: int
    result: int
    rows: int
    kernel: int = 1
    stride: int = 1
    pad: int = 0
    after: int = -1

    def first(self, row: int) -> int:
        """The first input row that an output row reads."""
        return max(0, row * self.stride - self.pad)

    def last(self, row: int, height: int) -> int:
        """The last input row that an output row reads.

        Args:
            row: Of the output.
            height: Rows of the input.

        Returns:
            The row's number.
        """
        return min(height - 1, row * self.stride - self.pad + self.kernel - 1)


@dataclass(frozen=True)
class RowGraph:
    """A graph as row operators.

    Attributes:
        graph: The deployment graph.
        rows: The row operators, in the order of the graph.
        cells: Numbers of the operators on tensors of one cell, each with the position of the last row operator that it needs.
        heights: Rows of each tensor.
        bytes: Of a row of each tensor, aligned.
        padding: Of the net.
    """

    graph: Graph
    rows: tuple[RowOperator, ...]
    cells: tuple[tuple[int, int], ...]
    heights: tuple[int, ...]
    bytes: tuple[int, ...]
    padding: Padding


def row_graph(graph: Graph, padding: Padding, axis: Axis) -> RowGraph:
    """Read a deployment graph as row operators.

    Args:
        graph: The deployment graph.
        padding: `same` (TFLite's) or `torch` (kernel // 2 on each side).
        axis: What a row is: one band (`mels`) or one frame (`frames`).

    Returns:
        The row operators and what they read.

    Raises:
        UsageError: An operator can't run row by row.
    """
    if len(graph.inputs) != 1:
        raise UsageError(f"the net has {len(graph.inputs)} inputs: the C export is for one; export as 'tflite'")
    along = 1 if axis == "mels" else 2
    shapes = graph.tensors
    made = dict.fromkeys(graph.inputs, -1)  # tensor -> position of the last row operator that it needs
    streams = set(graph.inputs)  # tensors that are made row by row
    rows: list[RowOperator] = []
    cells: list[tuple[int, int]] = []
    for number, op in enumerate(graph.operators):
        if _runs_once(op, shapes):
            made[op.output] = max((made[i] for i in op.inputs), default=-1)
            cells.append((number, made[op.output]))
            continue
        maps, broadcast = _split(op, shapes)
        waits = [made[i] for i in broadcast] + [made[i] for i in maps if i not in streams]
        is_mean = op.kind == "mean"
        kernel, stride = op.window[along - 1], op.stride[along - 1]
        height, out = shapes[maps[0]][along], shapes[op.output][along]
        rows.append(
            RowOperator(
                number,
                maps,
                broadcast,
                output=-1 if is_mean else op.output,
                result=op.output,
                rows=height if is_mean else out,
                kernel=kernel,
                stride=stride,
                pad=_pad(kernel, stride, height=height, padding=padding) if op.kind in WINDOWED else 0,
                after=max(waits, default=-1),
            )
        )
        made[op.output] = len(rows) - 1
        if not is_mean:
            streams.add(op.output)
    return RowGraph(
        graph,
        tuple(rows),
        tuple(cells),
        heights=tuple(s[along] for s in shapes),
        bytes=tuple(align(s[3 - along] * s[3], ALIGNMENT) for s in shapes),
        padding=padding,
    )


def _pad(kernel: int, stride: int, *, height: int, padding: Padding) -> int:
    if padding == "torch":
        return kernel // 2
    return max((-(-height // stride) - 1) * stride + kernel - height, 0) // 2


def _one_cell(shape: Shape) -> bool:
    return shape[1] == shape[2] == 1


def _runs_once(op: Operator, shapes: tuple[Shape, ...]) -> bool:
    if op.kind in WINDOWED or not all(_one_cell(shapes[i]) for i in (*op.inputs, op.output)):
        return False
    return op.kind != "mean" or shapes[op.output][3] == 1


def _split(op: Operator, shapes: tuple[Shape, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The maps that a row operator reads row by row, and the tensors of one cell that it reads whole."""
    inputs, shape = tuple(dict.fromkeys(op.inputs)), shapes[op.output]
    where = f"operator '{op.kind}' of layer '{op.layer}'"
    if op.kind in WINDOWED:
        return inputs, ()
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
