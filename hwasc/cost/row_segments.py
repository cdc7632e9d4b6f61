"""Where a net is cut into segments: a search over the cuts for the least bytes of the fullest segment, exact."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from heapq import heappop, heappush

from hwasc.cost.row_costs import Costs

Segments = tuple[tuple[int, int], ...]
GUESS = 1.5  # times the first bound: cuts where more is alive are looked at only if they have to be


@dataclass(frozen=True)
class Partition:
    """A partition of the row operators.

    Attributes:
        segments: First position and the one behind the last.
        bound: No plan with these cuts, or with any others, needs fewer bytes.
    """

    segments: Segments
    bound: int


def partition(costs: Costs, *, below: int = sys.maxsize) -> Partition | None:
    """Find the best partition; of those that need equally few bytes one of long segments.

    Args:
        costs: Of the net's segments.
        below: Only a partition that needs fewer bytes is of interest.

    Returns:
        The partition; None if there is none below.
    """
    first = least(costs)
    for limit in (min(int(first * GUESS), below), below):
        if best := _search(costs, first, below=limit):
            return _search(costs, best.bound, below=limit) if best.bound > first else best
        if limit == below:
            break
    return None


def least(costs: Costs) -> int:
    """Compute a first bound: the rows under each kernel and the one that it makes; the maps at cuts that have to be.

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


def _search(costs: Costs, first: int, *, below: int) -> Partition | None:
    """Reach the net's end by segments: go on from the position that needs the fewest bytes so far, of these from the last.

    Of a position's segments the longest are counted first; shorter ones wait while longer ones need no more than what led there.
    """
    count, limits = len(costs.patches), costs.pieces.flow.limits
    cuts = [p for p in range(1, count) if costs.alive[p] < below] + [count]
    places = dict.fromkeys(range(count + 1), -1)  # index of the last cut up to a position
    at = -1
    for p in range(count + 1):
        at += at + 1 < len(cuts) and cuts[at + 1] == p
        places[p] = at
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
            if position and (more := costs.excess(start, position, bound=bound)):
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
            start, index = position, places[limits[position]]
        while index >= 0 and (end := cuts[index]) > start:
            index -= 1
            now = costs.need(start, end)
            if now <= bound:
                heappush(heap, (bound, -end, start, -1))
                if index >= 0:
                    heappush(heap, (bound, -cuts[index], start, index))
                break
            if now < below:
                heappush(heap, (now, -end, start, -1))
    return None
