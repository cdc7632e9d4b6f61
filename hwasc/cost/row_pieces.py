"""A net's stretches between places where one map alone connects what was with what comes, and what each holds in a segment."""

from __future__ import annotations

from dataclasses import dataclass, field

from hwasc.cost.row_graph import RowGraph, RowOperator
from hwasc.cost.row_lines import LineOperator, lines

LOAD = -1  # the position of the implicit operator that makes the rows of the net's input


@dataclass(frozen=True, slots=True)
class Held:
    """A line buffer of a piece.

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


@dataclass
class Pieces:
    """What partitions of a net are counted from.

    Attributes:
        rows: The net's row operators.
        first: Position of the operator that makes a tensor; of a tensor of one cell, of the last row operator that it needs.
        last: Position of the last operator that reads a tensor; the number of operators for a result of the net.
        ends: Positions where one tensor alone leads on, and the net's end.
    """

    rows: RowGraph
    first: dict[int, int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)
    streams: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()
    _memo: dict[tuple[int, int, int], tuple[Held, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        graph, count = self.rows.graph, len(self.rows.rows)
        first, last = self.first, self.last
        start = graph.inputs[0]
        first[start] = LOAD
        for position, op in enumerate(self.rows.rows):
            first[op.result] = position
            for i in (*op.inputs, *op.cells):
                last[i] = position
        self.streams = frozenset({start, *(op.output for op in self.rows.rows if op.output >= 0)})
        kept = set()
        for number, position in self.rows.cells:
            op_ = graph.operators[number]
            first[op_.output] = position
            for i in op_.inputs:
                last[i] = max(last.get(i, LOAD), position)
                kept.add(i)
        self.kept = frozenset(kept & self.streams)
        for i in graph.outputs:
            last[i] = count
        live: dict[int, None] = {start: None}
        source = start
        ends = []
        for position, op in enumerate(self.rows.rows):
            if position and len(live) == 1 and source not in live:
                ends.append(position)
                (source,) = live
            if op.output >= 0 and last.get(op.output, LOAD) > position:
                live[op.output] = None
            for i in op.inputs:
                if last[i] <= position:
                    live.pop(i, None)
        self.ends = [*ends, count]

    def live(self, position: int) -> list[int]:
        """Tensors other than the net's input that exist whole if the net is cut before a position."""
        return [t for t, first in self.first.items() if LOAD < first < position <= self.last.get(t, LOAD)]

    def whole(self, tensor: int) -> int:
        """Bytes of a whole tensor."""
        return self.rows.heights[tensor] * self.rows.bytes[tensor]

    def held(self, start: int, begin: int, end: int) -> tuple[Held, ...]:
        """Count the line buffers of a piece of a segment.

        Args:
            start: Position at which the segment begins.
            begin: Position at which the piece begins: that of the segment, or one of `ends`.
            end: Position behind the piece: that behind the segment, or one of `ends`.

        Returns:
            The tensors whose last reader is in the piece, with what the piece reads from the one before it.
        """
        key = (begin, end, int(start == begin))
        if key not in self._memo:
            self._memo[key] = self._held(begin == start, begin, end)
        return self._memo[key]

    def _held(self, starts: bool, begin: int, end: int) -> tuple[Held, ...]:
        operators = self.rows.rows[begin:end]
        source = self._source(starts, operators, begin)
        local = {} if source is None else {source: 0}
        out: list[LineOperator] = []
        tensors = [source]
        for op in operators:
            inputs = tuple(local[i] for i in op.inputs if i in local)
            leaves = op.output >= 0 and self.last.get(op.output, LOAD) >= end
            out.append(LineOperator(inputs, op.rows, op.kernel, op.stride, op.pad, leaves))
            if op.output >= 0:
                local[op.output] = len(out)
            tensors.append(op.output if op.output >= 0 else None)
        counted = lines(0 if source is None else self.rows.heights[source], tuple(out))
        found = []
        for tensor, line in zip(tensors, counted, strict=True):
            if tensor is None or self.last.get(tensor, LOAD) >= end:
                continue
            first = self.first[tensor]
            size = line.held * self.rows.bytes[tensor]
            stays = line.stays or tensor in self.kept
            found.append(Held(tensor, line.held, size, first, max(first, self.last.get(tensor, LOAD)), stays))
        return tuple(found)

    def _source(self, starts: bool, operators: tuple[RowOperator, ...], begin: int) -> int | None:
        """The tensor whose rows the piece gets as they are made."""
        given = {i for op in operators for i in op.inputs if i in self.streams and self.first[i] < begin}
        if starts:
            given &= set(self.rows.graph.inputs)
        (source,) = given or (None,)
        return source
