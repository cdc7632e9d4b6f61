"""A net's tensors as its row operators see them: where each is made and read last, and what is alive where the net may be cut."""

from __future__ import annotations

from hwasc.cost.row_graph import RowGraph

LOAD = -1  # the position of the implicit operator that makes the rows of the net's input


class Flow:
    """Where tensors are made and read last, by position of the row operators.

    Attributes:
        first: Position of the operator that makes a tensor; of a tensor of one cell, of the last row operator that it needs.
        last: Position of the last operator that reads a tensor; the number of operators for a result of the net.
        streams: Tensors that are made row by row, and the net's input.
        kept: Those of them that operators on single cells read; they live until these have run.
        maps: For each position, the maps that exist whole if the net is cut before it; the net's input is not one of them.
        cells: For each position, the tensors of one cell that live across it.
        ends: Positions where one tensor alone leads on, which nothing before reads, and the net's end.
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
        reads = {i: p for p in range(count - 1, -1, -1) for i in rows.rows[p].inputs}  # the first reader
        self.ends = []
        for position in range(1, count):
            live = self.maps[position]
            if len(live) == 1 and last[start] < position <= reads.get(live[0], count):
                self.ends.append(position)
        self.ends.append(count)
        self.limits = [count] * (count + 1)
        for position, op in enumerate(rows.rows):
            for p in range(op.after, -1, -1):
                if self.limits[p] <= position:
                    break
                self.limits[p] = position

    def results(self, start: int, end: int) -> list[int]:
        """List the maps that a segment makes and leaves whole.

        Args:
            start: Position at which the segment begins.
            end: Position behind it.

        Returns:
            Tensors.
        """
        first = self.first
        return [t for t in self.maps[end] if first[t] >= start]

    def spent(self, start: int, end: int) -> list[int]:
        """List the whole maps at a segment's start that nothing reads after its rows.

        Args:
            start: Position at which the segment begins.
            end: Position behind it.

        Returns:
            Tensors.
        """
        last = self.last
        return [t for t in self.maps[start] if last[t] < end and t not in self.kept]
