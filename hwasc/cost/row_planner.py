"""The row plan of a net: which operators run together, how many rows each line buffer holds, and where everything lies."""

from __future__ import annotations

import sys
from functools import lru_cache

from hwasc.cost.graph import Graph
from hwasc.cost.kernel_scratch import patch_bytes
from hwasc.cost.row_costs import Costs
from hwasc.cost.row_flow import Flow
from hwasc.cost.row_graph import Padding, row_graph
from hwasc.cost.row_parts import Parts, list_parts
from hwasc.cost.row_pieces import Pieces
from hwasc.cost.row_placement import Name, arrange
from hwasc.cost.row_plan import Axis, RowPlan, Rows, Segment
from hwasc.cost.row_segments import Partition, Segments, least, partition

CLOSE = 1.01  # times the bound: a placement within is good enough


def plan_rows(graph: Graph, padding: Padding = "same", *, axis: Axis | None = None, quick: bool = False) -> RowPlan:
    """Plan a net that runs row by row.

    The lower bound is that of the best partition of the operators into segments: in its fullest segment, what is alive in some
    moment while its rows run, with results over spent inputs as far as rows permit. It holds for every plan of this kind:
    segments are runs of operators in the graph's order, by the engine's policy (see `row_plan`); nothing is computed twice; a
    buffer keeps its place, and a line buffer that holds more than a row of a moment keeps it as long as its segment. Placement
    may need more: gaps remain, and where results begin below their inputs in several segments in turn, this adds up.

    Args:
        graph: The deployment graph.
        padding: Of the net, see `Architecture`.
        axis: What a row is; None: what takes less memory. Where all maps are longer over one axis and all windows square, rows
            are steps of this one: the other's are longer, and as many of them are held.
        quick: Whether a plan is enough that is made in a third of the time. It may need more, mostly some per cent, and its
            lower bound is lower.

    Returns:
        The plan.

    Raises:
        UsageError: An operator can't run row by row.
    """
    return _plan(graph, padding, axis, quick)


@lru_cache(maxsize=8)  # RAM, flash and instructions of a candidate are each counted from its plan
def _plan(graph: Graph, padding: Padding, axis: Axis | None, quick: bool) -> RowPlan:
    axes = (axis,) if axis else _axes(graph)
    rows = row_graph(graph)
    flow = Flow(rows)
    costs: list[tuple[int, Axis, Costs]] = []
    for a in axes:
        pieces = Pieces(rows.along(a, padding), flow)
        of = Costs(pieces, [patch_bytes(graph, graph.operators[op.number], a) for op in rows.rows])
        costs.append((least(of), a, of))
    size = bound = sys.maxsize
    for low, a, of in sorted(costs, key=lambda c: c[0]):
        found = partition(of, below=size, quick=quick)
        if found is None:
            continue
        bound = min(bound, low if quick else found.bound)
        again: list[dict[str, bool]] = [] if quick else [{"careful": True}, {"quick": True}]
        for options in ({}, *again):
            tried: Partition | None = found
            if options:  # placement needed more than the bound: other cuts may be placed better
                tried = partition(of, below=size, **options) if size > CLOSE * found.bound else None
            if tried is not None:
                parts = list_parts(of, tried.segments)
                now, offsets = arrange(tuple(parts.parts.values()), parts.shifts, bound=tried.bound, below=size)
                if now < size:
                    size, best = now, (a, of.pieces, tried.segments, parts, offsets)
    chosen, pieces, segments, parts, offsets = best
    return RowPlan(chosen, _segments(pieces, segments, parts, offsets), size, bound)


def _axes(graph: Graph) -> tuple[Axis, ...]:
    """The axes that may take less memory."""
    if all([op.window[0] == op.window[1] for op in graph.operators]):
        longer = {shape[1] > shape[2] for shape in graph.tensors if shape[1] != shape[2]}
        if len(longer) == 1:
            return ("mels",) if longer.pop() else ("frames",)
    return ("mels", "frames")


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
            role = "map" if t in pieces.flow.streams else "cell"
            name: Name = ("line", s, t) if (s, t) in parts.held else (role, 0, t)
            buffers[t] = Rows(held, pieces.rows.bytes[t], offsets[name])
        sums = {op.number: offsets["sums", s, op.number] for op in inside if op.output < 0}
        rows = tuple(op.number for op in inside)
        out.append(Segment(rows, parts.cells[s], buffers, sums, patch=offsets.get(("patch", s, 0), 0)))
    return tuple(out)
