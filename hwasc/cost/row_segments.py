"""Where a net is cut into segments: a search over the cuts for the least bytes of the fullest segment, exact."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush

from hwasc.cost.row_costs import Costs

Segments = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Partition:
    """A partition of the row operators.

    Attributes:
        segments: First position and the one behind the last.
        bound: No plan with these cuts, or with any others, needs fewer bytes.
    """

    segments: Segments
    bound: int


def partition(
    costs: Costs, *, below: int = sys.maxsize, careful: bool = False, quick: bool = False
) -> Partition | None:
    """Find the best partition; of those that need equally few bytes one of long segments.

    Args:
        costs: Of the net's segments.
        below: Only a partition that needs fewer bytes is of interest.
        careful: See `Costs.excess`; the bound then is no bound for other partitions.
        quick: Whether only cuts at the ends of pieces are tried; the bound then is no bound for other partitions.

    Returns:
        The partition; None if there is none below.
    """
    first = least(costs)
    flow, count = costs.pieces.flow, len(costs.patches)
    few = {*flow.ends, *(_slimmest(costs, op.after, p) for p, op in enumerate(costs.pieces.rows.rows) if op.after >= 0)}
    search = partial(_search, costs, careful=careful)
    rough = search(sorted(few), first=first, below=below)
    if quick:
        return rough
    best = search(range(1, count + 1), first=first, below=rough.bound if rough else below) or rough
    if best is None or best.bound == first:
        return best
    return search(range(1, count + 1), first=best.bound, below=best.bound + 1)


def _slimmest(costs: Costs, after: int, position: int) -> int:
    """Where the least is alive, of the cuts between an operator and one that needs its complete result."""
    return min(range(after + 1, position + 1), key=costs.alive.__getitem__)


def least(costs: Costs) -> int:
    """Compute a first bound, from what is alive while each windowed operator runs and at cuts that have to be.

    Args:
        costs: Of the net's segments.

    Returns:
        Bytes that every partition needs.
    """
    rows, heights = costs.pieces.rows.bytes, costs.pieces.rows.heights
    found = 4
    for position, op in enumerate(costs.pieces.rows.rows):
        if op.kernel > 1:
            reads = op.kernel if op.kernel <= heights[op.inputs[0]] - op.stride else 1
            found = max(found, reads * rows[op.inputs[0]] + rows[op.output] + costs.patches[position])
        if op.after >= 0:
            found = max(found, min(costs.alive[op.after + 1 : position + 1]))
    return found


def _search(costs: Costs, places: Iterable[int], *, first: int, below: int, careful: bool) -> Partition | None:
    """Reach the net's end by segments: go on from the position that needs the fewest bytes so far, of these from the last.

    Of a position's segments the longest are counted first; shorter ones wait while longer ones need no more than what led there.
    """
    count, limits = len(costs.patches), costs.pieces.flow.limits
    cuts = [p for p in places if p == count or costs.alive[p] < below]
    before: dict[int, int] = {}
    heap = [(first, 0, 0, -1)]  # bytes, -position, the position before, the index of its next shorter segment or -1
    while heap:
        bound, position, start, index = heappop(heap)
        if bound >= below:
            return None
        if index < 0:
            position = -position
            if position in before:
                continue
            if position and (more := costs.excess(start, position, bound=bound, careful=careful)):
                now = costs.need(start, position) + more
                if now > bound:
                    heappush(heap, (now, -position, start, -1))
                    continue
            before[position] = start
            if position == count:
                segments = [(start, count)]
                while segments[0][0]:
                    segments.insert(0, (before[segments[0][0]], segments[0][0]))
                return Partition(tuple(segments), bound)
            start, index = position, bisect_right(cuts, limits[position]) - 1
        while index >= 0 and (end := cuts[index]) > start:
            index -= 1
            now = costs.need(start, end, below=below)
            if now <= bound:
                heappush(heap, (bound, -end, start, -1))
                if index >= 0:
                    heappush(heap, (bound, -cuts[index], start, index))
                break
            if now < below:
                heappush(heap, (now, -end, start, -1))
    return None
