"""The row plan: how a net runs row by row in one block of memory, so that expanded maps never exist as a whole.

A segment is a run of operators that streams over one axis of the maps. Inside it a tensor holds only the rows that its readers
still need (a line buffer); what enters and leaves it is whole. A mean over the map ends a segment: its sums grow as rows are
made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Axis = Literal["mels", "frames"]


@dataclass(frozen=True, slots=True)
class Rows:
    """How a segment holds a tensor.

    Attributes:
        held: Rows in memory; row r lies at `offset + (r % held) * bytes`. A whole map holds all of its rows.
        bytes: Of a row, rounded up to the alignment; a tensor of one cell is one row.
        offset: From the start of the net's memory.
    """

    held: int
    bytes: int
    offset: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Operators that run together.

    Attributes:
        rows: Operators of the graph by number, which run row by row: whenever one of them has the rows that it reads, the last
            such operator runs for one row. Means over the map add to their sums.
        cells: Operators on tensors of one cell (GRN's gain), which run once, after the rows.
        buffers: Every tensor that the segment reads or writes, by its number in the graph.
        sums: Offset of the int32 sums of each mean over the map, by operator.
        patch: Offset of the kernels' own scratch memory.
    """

    rows: tuple[int, ...]
    cells: tuple[int, ...]
    buffers: Mapping[int, Rows]
    sums: Mapping[int, int]
    patch: int


@dataclass(frozen=True)
class RowPlan:
    """The plan of a net. The net's input is not in it: its rows are copied out of the features, which outlive the run.

    Attributes:
        axis: What a row is one step of: `mels` (a row is one band over all frames) or `frames`.
        segments: In the order of their run.
        size: Bytes of the net's memory.
        lower_bound: The least that any plan of this kind needs, in bytes.
    """

    axis: Axis
    segments: tuple[Segment, ...]
    size: int
    lower_bound: int
