"""The buffers of a partition with the moments in which they are alive: what is placed, and what a timeline shows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from hwasc.cost.row_costs import Costs
from hwasc.cost.row_graph import ALIGNMENT
from hwasc.cost.row_pieces import Held, Pieces
from hwasc.cost.row_placement import Name, Part
from hwasc.cost.row_segments import Segments
from hwasc.cost.row_shift import Shift


@dataclass(frozen=True)
class Parts:
    """The buffers of a partition.

    Attributes:
        parts: By name: `map` or `cell` of a tensor; `line`, `sums` and `patch` of a segment and what they
            belong to.
        shifts: How results (first) may lie over spent inputs (second).
        held: Rows of the line buffers, by segment and tensor.
        cells: Operators on tensors of one cell, by segment.
    """

    parts: dict[Name, Part]
    shifts: dict[tuple[Name, Name], Shift]
    held: dict[tuple[int, int], int]
    cells: tuple[tuple[int, ...], ...]


def list_parts(costs: Costs, segments: Segments) -> Parts:
    """List the buffers of a partition.

    A segment takes a moment to load a row of the net's input, one for each row operator, one to finish its means, and one for
    each operator on single cells. A line buffer that is alive only from its maker to its last reader shares memory with others.

    Args:
        costs: Of the net's segments.
        segments: The partition.

    Returns:
        The buffers.
    """
    pieces, patches = costs.pieces, costs.patches
    graph, operators = pieces.rows.graph, pieces.rows.rows
    cells: list[list[int]] = [[n for n, p in pieces.rows.cells if a <= p < b] for a, b in segments]
    begins = []
    now = 0
    for s, (a, b) in enumerate(segments):
        begins.append(now)
        now += b - a + 2 + len(cells[s])
    end = now - 1
    found: dict[Name, Part] = {}
    held: dict[tuple[int, int], int] = {}

    def add(name: Name, size: int, first: int, last: int) -> None:
        begin, stop = bisect_right(begins, first) - 1, bisect_right(begins, last) - 1
        found[name] = Part(name, -(-size // ALIGNMENT) * ALIGNMENT, first, last, begin=begin, end=stop)

    last: dict[int, int] = dict.fromkeys(graph.outputs, end)  # the last moment of tensors that are whole
    first: dict[int, int] = {}
    for s, (a, b) in enumerate(segments):
        rows_end = begins[s] + b - a
        for position in range(a, b):
            op = operators[position]
            first[op.result] = begins[s] if op.output >= 0 else rows_end + 1
            for i in (*op.inputs, *op.cells):
                last[i] = max(last.get(i, 0), rows_end)
        for k, number in enumerate(cells[s]):
            moment = rows_end + 2 + k
            first[graph.operators[number].output] = moment
            for i in graph.operators[number].inputs:
                last[i] = max(last.get(i, 0), moment)
    for s, (a, b) in enumerate(segments):
        rows_end = begins[s] + b - a
        for line in _lines(pieces, a, b):
            held[s, line.tensor] = line.rows
            span = (begins[s] + 1 + line.first - a, begins[s] + 1 + line.last - a)
            if line.first < a:  # the net's input
                span = (begins[s], span[1])
            if line.stays:
                span = (begins[s], rows_end)
            if line.tensor in pieces.flow.kept:
                span = (begins[s], last[line.tensor])
            add(("line", s, line.tensor), line.bytes, *span)
        for position in range(a, b):
            if operators[position].output < 0:
                op = operators[position]
                add(("sums", s, op.number), 4 * graph.tensors[op.result][3], begins[s], rows_end + 1)
        if patch := max(patches[a:b]):
            add(("patch", s, 0), patch, begins[s], rows_end)
    lines = {tensor for _, tensor in held}
    for tensor, moment in first.items():
        if tensor not in lines:
            role = "map" if tensor in pieces.flow.streams else "cell"
            add((role, 0, tensor), pieces.sizes[tensor], moment, max(moment, last.get(tensor, moment)))
    shifts = {}
    for a, b in segments:
        for z in pieces.flow.results(a, b):
            for x in pieces.flow.spent(a, b):
                if way := costs.shift(x, z, a, b):
                    shifts[("map", 0, z), ("map", 0, x)] = way
    return Parts(found, shifts, held, tuple(map(tuple, cells)))


def _lines(pieces: Pieces, start: int, end: int) -> Iterator[Held]:
    begin = start
    for section in (*(e for e in pieces.flow.ends if start < e < end), end):
        yield from pieces.held(start, begin, section)
        begin = section
