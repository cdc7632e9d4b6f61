"""The memory of a net that runs row by row, segment by segment, for reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hwasc.cost.graph import Graph
from hwasc.cost.kernel_scratch import patch_bytes
from hwasc.cost.row_plan import RowPlan, Rows


@dataclass(frozen=True, slots=True)
class SegmentMemory:
    """Bytes in use while a segment runs.

    Buffers of one kind that share memory count once: results that take the place of spent inputs, line buffers of a moment.

    Attributes:
        operators: Of the graph, by number, in the order of the segment: row by row, then once.
        maps: Whole maps, also those that only wait for a later segment.
        lines: Line buffers.
        sums: Sums of means.
        patch: Scratch of the kernels.
        cells: Tensors of one cell.
    """

    operators: tuple[int, ...]
    maps: int
    lines: int
    sums: int
    patch: int
    cells: int

    @property
    def total(self) -> int:
        """All of them; not more than the plan's size but for cells and sums, which may take the place of line buffers."""
        return self.maps + self.lines + self.sums + self.patch + self.cells


def timeline(graph: Graph, plan: RowPlan) -> tuple[SegmentMemory, ...]:
    """List what each segment of a plan holds.

    Args:
        graph: The deployment graph.
        plan: Its plan.

    Returns:
        One entry a segment, in the order of their run.
    """
    made: dict[int, int] = {}  # segment by tensor
    read = dict.fromkeys(graph.outputs, len(plan.segments) - 1)
    where: dict[int, Rows] = {}
    for s, segment in enumerate(plan.segments):
        for number in (*segment.rows, *segment.cells):
            op = graph.operators[number]
            made[op.output] = s
            for i in op.inputs:
                read[i] = s
        where |= segment.buffers
    cells = {t for t in made if graph.tensors[t][1] == graph.tensors[t][2] == 1}
    out = []
    for s, segment in enumerate(plan.segments):
        operators = (*segment.rows, *segment.cells)
        alive = {t for t, first in made.items() if first <= s <= read.get(t, first)}
        maps = {t for t in alive - cells if made[t] < s or read.get(t, s) > s or t in graph.outputs}
        lines = (alive | set(graph.inputs)) - cells - maps
        sums = [(at, at + 4 * graph.tensors[graph.operators[n].output][3]) for n, at in segment.sums.items()]
        out.append(
            SegmentMemory(
                operators,
                maps=_covered(_place(where[t]) for t in maps),
                lines=_covered(_place(segment.buffers[t]) for t in lines if t in segment.buffers),
                sums=_covered(sums),
                patch=max([patch_bytes(graph, graph.operators[n], plan.axis) for n in segment.rows], default=0),
                cells=_covered(_place(where[t]) for t in alive & cells),
            )
        )
    return tuple(out)


def _place(rows: Rows) -> tuple[int, int]:
    return rows.offset, rows.offset + rows.held * rows.bytes


def _covered(places: Iterable[tuple[int, int]]) -> int:
    """Bytes that lie in at least one of the places."""
    total, reached = 0, 0
    for begin, end in sorted(places):
        total += max(0, end - max(begin, reached))
        reached = max(reached, end)
    return total
