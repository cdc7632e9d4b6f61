"""The row plan of a net: which operators run together, how many rows each line buffer holds, and where everything lies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

from hwasc.cost.graph import Graph
from hwasc.cost.kernel_scratch import patch_bytes
from hwasc.cost.row_graph import Padding, RowGraph, row_graph
from hwasc.cost.row_parts import Parts, list_parts
from hwasc.cost.row_pieces import Pieces
from hwasc.cost.row_placement import Name, Part, place
from hwasc.cost.row_plan import Axis, RowPlan, Rows, Segment
from hwasc.cost.row_segments import Partition, Segments, partition


def plan_rows(graph: Graph, padding: Padding = "same", *, axis: Axis | None = None) -> RowPlan:
    """Plan a net that runs row by row.

    The lower bound is that of the best partition of the operators, in their order, into segments that run by the engine's policy
    (see `row_plan`): in the fullest segment, what is alive in some moment while its rows run.

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
    best: RowPlan | None = None
    bound = sys.maxsize
    for a in axes:
        pieces = Pieces(row_graph(graph, padding, a))
        patches = tuple(_patch(pieces.rows, op.number, a) for op in pieces.rows.rows)
        found = partition(pieces, patches, below=best.size if best else sys.maxsize)
        if found is None:
            continue
        bound = min(bound, found.bound)
        plan = _placed(pieces, patches, found, a)
        if best is None or plan.size < best.size:
            best = plan
    assert best is not None
    return RowPlan(best.axis, best.segments, best.size, bound)


def _placed(pieces: Pieces, patches: tuple[int, ...], found: Partition, axis: Axis) -> RowPlan:
    parts = list_parts(pieces, patches, found.segments)
    offsets: dict[Name, int] = {}
    size = sys.maxsize
    for order in _orders(parts):
        trial = place(order, parts.shifts)
        needed = max(trial[part.name] + part.size for part in order)
        if needed < size:
            offsets, size = trial, needed
        if size <= found.bound:
            break
    segments = _segments(pieces, found.segments, parts, offsets)
    return RowPlan(axis, segments, size, found.bound)


def _orders(parts: Parts) -> Iterator[list[Part]]:
    """Orders of placement: whole maps first, from the last to the first, since a result reaches below the input that it lies over."""
    every = list(parts.parts.values())
    yield sorted(every, key=lambda p: (p.name[0] != "map", -p.first if p.name[0] == "map" else 0, -p.size))
    yield sorted(every, key=lambda p: -p.size)
    yield sorted(every, key=lambda p: -p.size * (p.last - p.first + 1))
    yield sorted(every, key=lambda p: (p.first, -p.size))
    yield sorted(every, key=lambda p: (-p.last, -p.size))


def _segments(pieces: Pieces, segments: Segments, parts: Parts, offsets: dict[Name, int]) -> tuple[Segment, ...]:
    graph, operators, heights = pieces.rows.graph, pieces.rows.rows, pieces.rows.heights
    out = []
    for s, (a, b) in enumerate(segments):
        inside = operators[a:b]
        touched = {t for op in inside for t in (*op.inputs, *op.cells, op.result)}
        touched |= {t for n in parts.cells[s] for t in (*graph.operators[n].inputs, graph.operators[n].output)}
        buffers = {}
        for t in sorted(touched):
            held = parts.held.get((s, t), heights[t])
            name: Name = ("line", s, t) if (s, t) in parts.held else ("map", 0, t)
            buffers[t] = Rows(held, pieces.rows.bytes[t], offsets[name])
        sums = {op.number: offsets["sums", s, op.number] for op in inside if op.output < 0}
        rows = tuple(op.number for op in inside)
        out.append(Segment(rows, parts.cells[s], buffers, sums, patch=offsets.get(("patch", s, 0), 0)))
    return tuple(out)


def _patch(rows: RowGraph, number: int, axis: Axis) -> int:
    op = rows.graph.operators[number]
    if op.kind == "average_pool" and rows.padding == "torch":  # torch counts its padding: a depthwise convolution
        op = replace(op, kind="depthwise")
    return patch_bytes(rows.graph, op, axis)
