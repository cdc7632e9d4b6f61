"""The row plan of a net: which operators run together, how many rows each line buffer holds, and where everything lies."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hwasc.cost.alignment import align
from hwasc.cost.graph import Graph
from hwasc.cost.kernel_scratch import patch_bytes
from hwasc.cost.memory import Buffer, live, place
from hwasc.cost.row_graph import ALIGNMENT, Padding, RowGraph, RowOperator, row_graph
from hwasc.cost.row_plan import Axis, RowPlan, Rows, Segment
from hwasc.cost.row_steps import held


def plan_rows(graph: Graph, padding: Padding = "same", *, axis: Axis | None = None) -> RowPlan:
    """Plan a net that runs row by row.

    Args:
        graph: The deployment graph.
        padding: Of the net, see `Architecture`.
        axis: What a row is; None: what takes less memory.

    Returns:
        The plan.

    Raises:
        UsageError: An operator can't run row by row.
    """
    axes: tuple[Axis, ...] = (axis,) if axis else ("mels", "frames")
    return min((_plan(row_graph(graph, padding, a), a) for a in axes), key=lambda plan: plan.size)


@dataclass(frozen=True)
class _Part:
    """A buffer before it is placed: `key` tells what it is, times count two for each segment (its rows, then its cells)."""

    key: tuple[str, int, int]
    size: int
    first: int
    last: int


def _plan(rows: RowGraph, axis: Axis) -> RowPlan:
    cuts = [0]
    for position, op in enumerate(rows.rows):
        if op.after >= cuts[-1]:
            cuts.append(position)
    bounds = list(zip(cuts, [*cuts[1:], len(rows.rows)], strict=True))
    graph, segment_of = rows.graph, {p: s for s, (a, b) in enumerate(bounds) for p in range(a, b)}
    cells: list[list[int]] = [[] for _ in bounds]
    first = {}
    last = dict.fromkeys(graph.outputs, 2 * len(bounds) - 1)
    for position, op in enumerate(rows.rows):
        s = segment_of[position]
        first[op.result] = 2 * s
        for i in (*op.inputs, *op.cells):
            last[i] = max(last.get(i, 0), 2 * s)
    for number, position in rows.cells:
        s = segment_of[position]
        cells[s].append(number)
        first[graph.operators[number].output] = 2 * s + 1
        for i in graph.operators[number].inputs:
            last[i] = max(last.get(i, 0), 2 * s + 1)
    parts, kept = [], dict(enumerate(rows.heights))
    for s, (a, b) in enumerate(bounds):
        inside = rows.rows[a:b]
        load = _load(rows, inside)
        for tensor, count in held([*load, *inside], rows.heights).items():
            if last.get(tensor, 2 * s) == 2 * s:
                kept[tensor] = count
        for op in inside:
            if op.output < 0:
                parts.append(_Part(("sums", s, op.number), 4 * graph.tensors[op.result][3], 2 * s, 2 * s + 1))
        patch = max(_patch(rows, op.number, axis) for op in inside)
        parts.append(_Part(("patch", s, 0), align(patch, ALIGNMENT), 2 * s, 2 * s))
        if load:
            size = kept[graph.inputs[0]] * rows.bytes[graph.inputs[0]]
            parts.append(_Part(("input", s, graph.inputs[0]), size, 2 * s, 2 * s))
    for tensor, start in first.items():
        size = kept[tensor] * rows.bytes[tensor]
        parts.append(_Part(("tensor", 0, tensor), size, start, last.get(tensor, start)))
    buffers = [Buffer(k, part.size, part.first, part.last) for k, part in enumerate(parts)]
    offsets = place(sorted(buffers, key=lambda b: -b.size))
    at = {part.key: offsets[k] for k, part in enumerate(parts)}
    segments = []
    for s, (a, b) in enumerate(bounds):
        inside = rows.rows[a:b]
        touched = {t for op in inside for t in (*op.inputs, *op.cells, op.result)}
        touched |= {t for n in cells[s] for t in (*graph.operators[n].inputs, graph.operators[n].output)}
        segments.append(
            Segment(
                rows=tuple(op.number for op in inside),
                cells=tuple(cells[s]),
                buffers={
                    t: Rows(kept[t], rows.bytes[t], at[("input", s, t) if t in graph.inputs else ("tensor", 0, t)])
                    for t in sorted(touched)
                },
                sums={op.number: at["sums", s, op.number] for op in inside if op.output < 0},
                patch=at["patch", s, 0],
            )
        )
    size = max(offsets[b.tensor] + b.size for b in buffers)
    return RowPlan(axis, tuple(segments), size, max(live(buffers)))


def _load(rows: RowGraph, inside: tuple[RowOperator, ...]) -> list[RowOperator]:
    """The implicit operator that copies rows of the features, where a segment reads them."""
    start = rows.graph.inputs[0]
    if not any(start in op.inputs for op in inside):
        return []
    return [RowOperator(-1, (), (), start, result=start, rows=rows.heights[start])]


def _patch(rows: RowGraph, number: int, axis: Axis) -> int:
    op = rows.graph.operators[number]
    if op.kind == "average_pool" and rows.padding == "torch":  # torch counts its padding: a depthwise convolution
        op = replace(op, kind="depthwise")
    return patch_bytes(rows.graph, op, axis)
