"""The work of the exported C code in countable pieces: products, outputs, rows of each operator; no torch.

Instructions are a sum over these pieces, each with a rate for the core (`firmware_rates`). What a piece is follows the C kernels:
they make two channels of two columns at once, gather what a kernel covers, and spread rows for depthwise convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hwasc.cost.firmware_front_end import Arithmetic, fft_passes, segment_bins, shares
from hwasc.cost.graph import Graph, Operator
from hwasc.cost.row_plan import RowPlan
from hwasc.records.front_end import FrontEnd

FEW_COLUMNS, MANY_COLUMNS, FEW_INPUTS = 4, 8, 32  # that a convolution gathers at a time, see scene_conv.c
LOAD = -1  # the number of the step that copies rows of the features
Amounts = Mapping[str, float]


@dataclass(frozen=True)
class Work:
    """The work of one operator in one segment.

    Attributes:
        number: Of the operator in the graph.
        kind: Of the C function.
        amounts: Its pieces.
    """

    number: int
    kind: str
    amounts: Amounts


def net_work(graph: Graph, plan: RowPlan) -> tuple[list[Work], Amounts]:
    """List the work of a net.

    Args:
        graph: The deployment graph.
        plan: How it runs row by row; an operator that runs in two segments is listed twice.

    Returns:
        The operators' work, and that of the loop which calls them.
    """
    along = 1 if plan.axis == "mels" else 2
    found: list[Work] = []
    made = scans = pointers = loaded = 0
    for segment in plan.segments:
        steps = rows_made = 0
        for number in segment.rows:
            op = graph.operators[number]
            source, result = graph.tensors[op.inputs[0]], graph.tensors[op.output]
            rows = source[along] if op.kind == "mean" else result[along]
            found.append(_row_work(graph, op, number, along))
            if op.kind == "mean":
                found.append(Work(number, "cells", {"mean": result[3], "runs": 1}))
            steps += 1
            rows_made += rows
            pointers += rows * (op.window[along - 1] if op.kind != "mean" else 1) * len(op.inputs)
        if any(graph.inputs[0] in graph.operators[n].inputs for n in segment.rows):
            _, mels, frames, _ = graph.tensors[graph.inputs[0]]
            steps += 1
            rows_made += mels if along == 1 else frames
            loaded += mels * frames
        for number in segment.cells:
            op = graph.operators[number]
            kind = op.kind if op.kind in ("div", "rsqrt") else "other"
            elements = max(graph.tensors[i][3] for i in (*op.inputs, op.output))
            found.append(Work(number, "cells", {kind: elements, "runs": 1}))
            made += 1
        made += rows_made
        scans += rows_made * steps
    copied = {"loaded_mels" if along == 1 else "loaded_frames": loaded}
    return found, {"made": made, "scans": scans, "pointers": pointers, **copied, "runs": 1}


def _row_work(graph: Graph, op: Operator, number: int, along: int) -> Work:
    source, result = graph.tensors[op.inputs[0]], graph.tensors[op.output]
    across = 3 - along
    rows, columns, channels = result[along], result[across], result[3]
    outputs = rows * columns * channels
    width = op.window[across - 1]
    edges = rows * _border_columns(source[across], columns, width, op.stride[across - 1])
    if op.kind == "conv":
        depth = op.area * source[3]
        at_once = 1 if op.area == 1 else FEW_COLUMNS if depth > FEW_INPUTS else MANY_COLUMNS
        amounts: dict[str, float] = {
            "macs": outputs * depth,
            "tails": outputs * (depth % 4),
            "odd": rows * (columns % 2) * channels * depth,
            "single": rows * columns * (channels % 2) * depth,
            "fours": rows * columns * math.ceil(channels / 4),
            "blocks": rows * columns * math.ceil(channels / 4) * math.ceil(depth / 16),
            "outputs": outputs,
            "channels": rows * (math.ceil(columns / at_once) if at_once > 1 else 1) * channels,
            "rows": rows,
        }
        if op.area == 1:
            return Work(number, "pointwise", amounts)
        lines = op.window[along - 1]
        gathered = {"lines": rows * columns * lines, "edges": edges * lines * width, "gathered": rows * columns * depth}
        return Work(number, "conv", {**amounts, **gathered})
    if op.kind == "depthwise":
        return _depthwise(
            op, number, (rows, columns, channels), edges=edges, narrow=source[across] < width, along=along
        )
    if op.kind == "average_pool":
        return Work(
            number, "average", {"reads": outputs * op.area, "outputs": outputs, "columns": rows * columns, "rows": rows}
        )
    if op.kind == "mean":
        cells = source[1] * source[2]
        return Work(
            number, "sum", {"reads": cells * source[3], "channels": source[along] * source[3], "rows": source[along]}
        )
    whole = len(op.inputs) == 2 and graph.tensors[op.inputs[1]] == source
    kind = op.kind if whole else f"{op.kind}_vector"
    return Work(number, kind, {"outputs": outputs, "channels": rows * channels, "rows": rows})


def _depthwise(op: Operator, number: int, shape: tuple[int, int, int], *, edges: int, narrow: bool, along: int) -> Work:
    """The kernels make four or eight channels at a time; maps that are narrower than the kernel take the general way."""
    rows, columns, channels = shape
    lines, width = op.window[along - 1], op.window[2 - along]
    amounts: dict[str, float] = {"macs": rows * columns * channels * op.area, "rows": rows}
    for lanes in (4, 8):
        groups = math.ceil(channels / lanes)
        amounts |= {
            f"columns{lanes}": rows * columns * groups,
            f"lines{lanes}": rows * columns * groups * lines,
            f"taps{lanes}": rows * columns * groups * op.area,
            f"edges{lanes}": edges * groups,
            f"edge_taps{lanes}": edges * groups * op.area,
            f"groups{lanes}": rows * groups,
            f"weights{lanes}": rows * groups * op.area,
        }
    kind = "narrow" if narrow else "3" if max(lines, width) <= 3 else "5"
    return Work(number, f"depthwise/{kind}", amounts)


def _border_columns(size: int, outputs: int, kernel: int, stride: int) -> int:
    """Outputs of a row whose window reaches beyond the map."""
    before = max((outputs - 1) * stride + kernel - size, 0) // 2
    return sum(o * stride < before or o * stride - before + kernel > size for o in range(outputs))


def frame_work(front_end: FrontEnd, arithmetic: Arithmetic) -> Amounts:
    """List the work of one frame's log-mel.

    Args:
        front_end: The front end.
        arithmetic: `float` or `integer`.

    Returns:
        Its pieces; those of parts that not all front ends have are in `PARTS`.
    """
    fe, points = front_end, front_end.n_fft // 2
    passes = [radix for radix, _ in fft_passes(front_end.n_fft, arithmetic)]
    return {
        "window": front_end.window,
        "zeros": front_end.n_fft - front_end.window,
        "points": points,
        **{f"radix{r}": points * passes.count(r) for r in sorted(set(passes))},
        "bins": sum(segment_bins(front_end)[1:]),
        "mels": front_end.mels,
        "runs": 1,
        **{name: amount for name, amount in _parts(fe).items() if amount},
    }


PARTS = ("levelled", "emphasised", "means", "roots", "shares")


def _parts(fe: FrontEnd) -> Amounts:
    """Samples of the window: not taken as they are, emphasised, summed up for a mean; bins: with a root, with a weight each."""
    emphasised = fe.pre_emphasis > 0
    sums = 2 if emphasised and fe.pre_emphasis_of == "clip" else 1
    return {
        "levelled": fe.window * (emphasised or fe.remove_mean),
        "emphasised": fe.window * emphasised,
        "means": fe.window * sums * fe.remove_mean,
        "roots": fe.n_fft // 2 * (fe.power == 1),
        "shares": shares(fe),
    }
