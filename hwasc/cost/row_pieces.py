"""What a net's tensors and operators are to its segments: where tensors are made and read last, and what stretches hold.

Between some places one map alone leads from what was to what comes. A segment's line buffers are those of the stretches between
these places, each counted by itself.
"""

from __future__ import annotations

from typing import NamedTuple

from hwasc.cost.row_graph import RowGraph
from hwasc.cost.row_lines import LineOperator, lines

LOAD = -1  # the position of the implicit operator that makes the rows of the net's input


class Held(NamedTuple):
    """A line buffer.

    Attributes:
        tensor: Its number in the graph.
        rows: Rows held.
        bytes: Of all of them.
        first: Position of its maker.
        last: Position of its last reader.
        stays: Whether it lives as long as the segment; else it lives from its maker to its last reader.
    """

    tensor: int
    rows: int
    bytes: int
    first: int
    last: int
    stays: bool


class Flow:
    """Where tensors are made and read last, by position of the row operators.

    Attributes:
        first: Position of the operator that makes a tensor; of a tensor of one cell, of the last row operator that it needs.
        last: Position of the last operator that reads a tensor; the number of operators for a result of the net.
        streams: Tensors that are made row by row, and the net's input.
        kept: Those of them that operators on single cells read; they live until these have run.
        maps: For each position, the maps that exist whole if the net is cut before it; the net's input is not one of them.
        cells: For each position, the tensors of one cell that live across it.
        ends: Positions where one tensor alone leads on, and the net's end.
        limits: For each position, the furthest end of a segment that begins there.
    """

    def __init__(self, rows: RowGraph) -> None:
        """Read a net.

        Args:
            rows: Its row operators.
        """
        graph, count = rows.graph, len(rows.rows)
        (start,) = graph.inputs
        first, last = {start: LOAD}, {start: LOAD}
        streams = {start}
        for position, op in enumerate(rows.rows):
            first[op.result] = last[op.result] = position
            if op.output >= 0:
                streams.add(op.output)
            for i in op.inputs:
                last[i] = position
            for i in op.cells:
                last[i] = position
        kept = set()
        for number, position in rows.cells:
            cell = graph.operators[number]
            first[cell.output] = position
            last.setdefault(cell.output, position)
            for i in cell.inputs:
                last[i] = max(last[i], position)
                kept.add(i)
        last |= dict.fromkeys(graph.outputs, count)
        self.first, self.last = first, last
        self.streams, self.kept = frozenset(streams), frozenset(kept & streams)
        self.maps: list[list[int]] = [[] for _ in range(count + 1)]
        self.cells: list[list[int]] = [[] for _ in range(count + 1)]
        for tensor, position in first.items():
            where = self.maps if tensor in streams else self.cells
            if tensor != start:
                for p in range(position + 1, last[tensor] + 1):
                    where[p].append(tensor)
        self.ends = []
        source = start
        for position in range(1, count):
            live = self.maps[position]
            if len(live) == 1 and live[0] != source and last[start] < position:
                self.ends.append(position)
                source = live[0]
        self.ends.append(count)
        self.limits = [count] * (count + 1)
        for position, op in enumerate(rows.rows):
            for p in range(op.after, -1, -1):
                if self.limits[p] <= position:
                    break
                self.limits[p] = position


class Pieces:
    """What the segments of a net hold, over one axis.

    Attributes:
        rows: The net's row operators.
        flow: Where its tensors are made and read.
        sizes: Bytes of each tensor, whole.
    """

    def __init__(self, rows: RowGraph, flow: Flow) -> None:
        """Begin to count.

        Args:
            rows: The net's row operators, over the axis.
            flow: Of the same net.
        """
        self.rows, self.flow = rows, flow
        self.sizes = [h * b for h, b in zip(rows.heights, rows.bytes, strict=True)]
        self._memo: dict[tuple[int, int, bool], tuple[Held, ...]] = {}

    def held(self, start: int, begin: int, end: int) -> tuple[Held, ...]:
        """Count the line buffers of a piece of a segment.

        Args:
            start: Position at which the segment begins.
            begin: Position at which the piece begins: that of the segment, or one of `Flow.ends`.
            end: Position behind the piece: that behind the segment, or one of `Flow.ends`.

        Returns:
            The tensors whose last reader is in the piece, with what the piece reads from the one before it.
        """
        key = (begin, end, start == begin)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._held(begin, end, starts=start == begin)
        return found

    def _held(self, begin: int, end: int, *, starts: bool) -> tuple[Held, ...]:
        first, last, heights = self.flow.first, self.flow.last, self.rows.heights
        (source,) = self.rows.graph.inputs
        if not starts:
            (source,) = self.flow.maps[begin]
        local = {source: 0}
        tensors = [source]
        reads = False
        operators = []
        for _, given, _, output, _, _, rows, kernel, stride, pad in self.rows.rows[begin:end]:
            inputs = tuple([local[i] for i in given if i in local])
            reads = reads or 0 in inputs
            operators.append(LineOperator(inputs, rows, kernel, stride, pad, output >= 0 and last[output] >= end))
            tensors.append(output)
            if output >= 0:
                local[output] = len(operators)
        counted = lines(heights[source] if reads else 0, tuple(operators))
        found = []
        for tensor, (rows, stays) in zip(tensors, counted, strict=True):
            if tensor >= 0 and last[tensor] < end and (reads or tensor != source):
                size = rows * self.rows.bytes[tensor]
                stay = stays or tensor in self.flow.kept
                found.append(Held(tensor, rows, size, first[tensor], last[tensor], stay))
        return tuple(found)
