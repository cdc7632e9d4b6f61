"""Where a net is cut into segments: a search over the cuts for the least bytes of the fullest segment, exact."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from hwasc.cost.row_costs import Costs

Segments = tuple[tuple[int, int], ...]
GUESSES = (
    1.25,
    2,
    sys.maxsize,
)  # times the first bound: cuts where more is alive are looked at only if they have to be


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
    least = _least(costs)
    excess: dict[tuple[int, int], int] = {}
    for guess in GUESSES:
        limit = min(int(least * guess), below)
        while best := _search(costs, least=least, below=limit, excess=excess):
            found = _search(costs, least=best.bound, below=limit, excess=excess)
            assert found is not None
            more = {s: costs.excess(*s, bound=found.bound) for s in found.segments if s not in excess}
            excess |= {s: size for s, size in more.items() if size}
            if not any(more.values()):
                return found
        if limit == below:
            break
    return None


def _least(costs: Costs) -> int:
    """A first bound: the rows under each kernel and the one that it makes; the maps at cuts that have to be."""
    rows, heights = costs.pieces.rows.bytes, costs.pieces.rows.heights
    least = 4
    for position, op in enumerate(costs.pieces.rows.rows):
        if op.kernel > 1:
            reads = op.kernel if op.kernel <= heights[op.inputs[0]] - op.stride else 1
            least = max(least, reads * rows[op.inputs[0]] + rows[op.output] + costs.patches[position])
        if op.after >= 0:
            least = max(least, min(costs.alive[op.after + 1 : position + 1]))
    return least


def _search(costs: Costs, *, least: int, below: int, excess: Mapping[tuple[int, int], int]) -> Partition | None:
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
    heap = [(least, 0, 0, -1)]  # bytes, -position, the position before, the index of its next shorter segment or -1
    while heap:
        bound, position, start, index = heappop(heap)
        if bound >= below:
            return None
        if index < 0:
            position = -position
            if position in before:
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
            if excess:
                now += excess.get((start, end), 0)
            if now <= bound:
                heappush(heap, (bound, -end, start, -1))
                if index >= 0:
                    heappush(heap, (bound, -cuts[index], start, index))
                break
            if now < below:
                heappush(heap, (now, -end, start, -1))
    return None
