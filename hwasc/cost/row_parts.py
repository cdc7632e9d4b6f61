"""The buffers of a partition with the moments in which they are alive: what is placed, and what a timeline shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwasc.cost.alignment import align
from hwasc.cost.row_graph import ALIGNMENT
from hwasc.cost.row_pieces import Held as Line
from hwasc.cost.row_pieces import Pieces
from hwasc.cost.row_placement import Name, Part
from hwasc.cost.row_segments import Segments, Shift, results, shift, spent

HeldRows = dict[tuple[int, int], int]  # rows by segment and tensor


@dataclass(frozen=True)
class Parts:
    """The buffers of a partition.

    Attributes:
        parts: By name: `map` of a tensor, `line` of a segment and a tensor, `sums` of a segment and a mean, `patch` of a segment.
        shifts: How results (first) may lie over spent inputs (second).
        held: Rows of the line buffers, by segment and tensor.
        cells: Operators on tensors of one cell, by segment.
    """

    parts: dict[Name, Part]
    shifts: dict[tuple[Name, Name], Shift]
    held: HeldRows
    cells: tuple[tuple[int, ...], ...]


def list_parts(pieces: Pieces, patches: tuple[int, ...], segments: Segments) -> Parts:
    """List the buffers of a partition.

    A segment takes a moment to load a row of the net's input, one for each row operator, one to finish its means, and one for
    each operator on single cells. A line buffer that is alive only from its maker to its last reader shares memory with others.

    Args:
        pieces: Of the net.
        patches: Scratch bytes of each row operator.
        segments: The partition.

    Returns:
        The buffers.
    """
    graph, operators = pieces.rows.graph, pieces.rows.rows
    cells: list[list[int]] = [[n for n, p in pieces.rows.cells if a <= p < b] for a, b in segments]
    begins = []
    now = 0
    for s, (a, b) in enumerate(segments):
        begins.append(now)
        now += b - a + 2 + len(cells[s])
    end = now - 1
    found: dict[Name, Part] = {}
    held: HeldRows = {}

    def add(name: Name, size: int, first: int, last: int) -> None:
        found[name] = Part(name, align(size, ALIGNMENT), first, last)

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
            if line.tensor in pieces.kept:
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
            add(("map", 0, tensor), pieces.whole(tensor), moment, max(moment, last.get(tensor, moment)))
    shifts = {}
    for a, b in segments:
        for z in results(pieces, a, b):
            for x in spent(pieces, pieces.live(a), b):
                if way := shift(pieces, x, z, start=a, end=b):
                    shifts[("map", 0, z), ("map", 0, x)] = way
    return Parts(found, shifts, held, tuple(map(tuple, cells)))


def _lines(pieces: Pieces, start: int, end: int) -> Iterator[Line]:
    begin = start
    for section in (*(e for e in pieces.ends if start < e < end), end):
        yield from pieces.held(start, begin, section)
        begin = section
