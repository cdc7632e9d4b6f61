"""What the pieces of a segment hold: the line buffers of a net, over one axis.

Between some places one map alone leads from what was to what comes. A segment's line buffers are those of the pieces between
these places, each counted by itself.
"""

from __future__ import annotations

from typing import NamedTuple

from hwasc.cost.row_flow import LOAD, Flow
from hwasc.cost.row_graph import RowGraph
from hwasc.cost.row_lines import LineOperator, lines


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
        key = (begin, end, self.fed(start, begin))
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._held(*key)
        return found

    def fed(self, start: int, begin: int) -> bool:
        """Tell whether a piece gets rows as the piece before it makes them.

        Args:
            start: Position at which the segment begins.
            begin: Position at which the piece begins.

        Returns:
            False where all that it reads is whole, or the net's input.
        """
        return begin > start and self.flow.first[self.flow.maps[begin][0]] >= start

    def _held(self, begin: int, end: int, fed: bool) -> tuple[Held, ...]:
        first, last, heights = self.flow.first, self.flow.last, self.rows.heights
        if end == begin + 1 and not fed:
            op = self.rows.rows[begin]
            if last.get(op.output, LOAD) >= end and not any([first[i] == LOAD for i in op.inputs]):
                return ()  # one operator between whole maps
        (source,) = self.rows.graph.inputs
        if fed:
            (source,) = self.flow.maps[begin]
        local = {source: 0}
        tensors = [source]
        reads = False
        operators = []
        for _, given, _, output, _, _, rows, kernel, stride, pad in self.rows.rows[begin:end]:
            inputs = tuple([local[i] for i in given if i in local])
            reads = reads or 0 in inputs
            leaves = output >= 0 and last[output] >= end
            operators.append(LineOperator._make((inputs, rows, kernel, stride, pad, leaves)))
            tensors.append(output)
            if output >= 0:
                local[output] = len(operators)
        counted = lines(heights[source] if reads else 0, tuple(operators))
        found = []
        for tensor, (rows, stays) in zip(tensors, counted, strict=True):
            reader = last.get(tensor, end)
            if tensor == source and first[tensor] == LOAD:  # every segment that reads the net's input makes its rows
                reader = max([p for p in range(begin, end) if tensor in self.rows.rows[p].inputs], default=end)
            if reader < end:
                size = rows * self.rows.bytes[tensor]
                stay = stays or tensor in self.flow.kept
                found.append(Held(tensor, rows, size, first[tensor], last=reader, stays=stay))
        return tuple(found)
