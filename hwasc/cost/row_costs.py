"""What a segment needs while its rows run, as a bound that placement reaches or nearly reaches.

It is the sum of whole maps (less what results can share with inputs whose rows are spent), line buffers, those of a moment as
they live together, sums, and the kernels' scratch.
"""

from __future__ import annotations

import itertools
import sys
from bisect import bisect_left

from hwasc.cost.row_pieces import Pieces
from hwasc.cost.row_shift import Shift, shift

MOST_NESTED = 4  # maps whose orders are all tried


class Costs:
    """Bytes of segments, each counted once.

    Attributes:
        pieces: Of the net.
        patches: Scratch bytes of each row operator.
        alive: For each position, the bytes that are whole if the net is cut before it.
    """

    def __init__(self, pieces: Pieces, patches: list[int]) -> None:
        """Begin to count.

        Args:
            pieces: Of the net.
            patches: Scratch bytes of each row operator.
        """
        flow, sizes = pieces.flow, pieces.sizes
        self.pieces, self.patches = pieces, patches
        self.alive = [sum([sizes[t] for t in m + c]) for m, c in zip(flow.maps, flow.cells, strict=True)]
        shapes = pieces.rows.graph.tensors
        self._sums = [0]
        for op in pieces.rows.rows:
            self._sums.append(self._sums[-1] + (4 * shapes[op.result][3] if op.output < 0 else 0))
        self._section = [bisect_left(flow.ends, p) for p in range(len(patches) + 1)]
        self._needs: dict[tuple[int, int], int] = {}
        self._excess: dict[tuple[int, int, bool], int] = {}
        self._shifts: dict[tuple[int, int, int, int], Shift | None] = {}
        self._stages: dict[int, list[tuple[int, int, int, dict[int, int]]]] = {}
        self._held: dict[tuple[int, int, bool], tuple[int, dict[int, int]]] = {}

    def need(self, start: int, end: int, *, below: int = sys.maxsize) -> int:
        """Count a segment's bytes, where results share as much of spent inputs as sizes permit.

        Args:
            start: Position at which it begins.
            end: Position behind it.
            below: Where the segment is sure to need as much, what makes it sure is enough.

        Returns:
            Bytes.
        """
        key = start, end
        found = self._needs.get(key)
        if found is None:
            found = self.alive[start]
            if found >= below:
                return found
            begin, stays, peak, before = self._stage(start, self._section[end])
            found = stays + self.maps(start, end) + self._sums[end] - self._sums[start] + max(self.patches[start:end])
            if found + peak >= below:
                return found + peak
            more, now = self._lines(start, begin, end)
            for p, size in now.items():
                peak = max(peak, size + before.get(p, 0))
            self._needs[key] = found = found + more + peak
        return found

    def maps(self, start: int, end: int) -> int:
        """Count the whole tensors' part of `need`.

        Args:
            start: Position at which the segment begins.
            end: Position behind it.

        Returns:
            Bytes.
        """
        sizes, flow = self.pieces.sizes, self.pieces.flow
        first, last = flow.first, flow.last
        made = 0
        for t in flow.maps[end]:
            if first[t] >= start:
                made += sizes[t]
        gone = 0
        for t in flow.maps[start]:
            if last[t] < end and t not in flow.kept:
                gone += sizes[t]
        return self.alive[start] + (made - gone if made > gone else 0)

    def excess(self, start: int, end: int, *, bound: int, careful: bool = False) -> int:
        """Count the bytes by which a segment needs more than `need`, since rows are spent later than sizes tell.

        Args:
            start: Position at which it begins.
            end: Position behind it.
            bound: Bytes of the whole partition: 0 is returned where the segment is sure to stay within.
            careful: Whether a result counts as apart from an input that it would have to begin below, not for its size: in a row
                of segments such shifts add up.

        Returns:
            Bytes.
        """
        sizes = self.pieces.sizes
        made, gone = self.pieces.flow.results(start, end), self.pieces.flow.spent(start, end)
        total, given = sum([sizes[t] for t in made]), sum([sizes[t] for t in gone])
        if not made or not gone or self.need(start, end) + min(total, given) <= bound:
            return 0
        key = start, end, careful
        if key in self._excess:
            return self._excess[key]
        # bytes by which an input begins above the result that lies over it; none where they lie apart
        least: dict[tuple[int, int], int] = {}
        for x, z in itertools.product(gone, made):
            found = self.shift(x, z, start, end)
            if found and (found.exact or not careful or found.least <= max(sizes[z] - sizes[x], 0)):
                least[x, z] = min(found.least, 0) if found.exact else found.least
        if len(made) == 1:
            region = nested(total, [(sizes[x], least.get((x, made[0]))) for x in gone])
        elif len(gone) == 1:  # the same upside down
            top = [(sizes[z], least[gone[0], z] + given - sizes[z] if (gone[0], z) in least else None) for z in made]
            region = nested(given, top)
        else:
            shared = 0
            for x in gone:  # results over x do not overlap, and cover it from its begin
                covers = {z: max(sizes[z] - least[x, z], 0) for z in made if (x, z) in least}
                sum_ = sum([min(sizes[z], sizes[x], c) for z, c in covers.items()])
                shared += min(sizes[x], max(covers.values(), default=0), sum_)
            region = total + given - min(shared, total)
        self._excess[key] = more = max(region - max(total, given), 0)
        return more

    def shift(self, x: int, z: int, start: int, end: int) -> Shift | None:
        """Compute once how a result of a segment may lie over a spent input, see `row_shift.shift`.

        Args:
            x: The input.
            z: The result.
            start: Position at which the segment begins.
            end: Position behind it.

        Returns:
            The shift, or None.
        """
        key = x, z, start, end
        if key not in self._shifts:
            self._shifts[key] = shift(self.pieces, x, z, start=start, end=end)
        return self._shifts[key]

    def _stage(self, start: int, section: int) -> tuple[int, int, int, dict[int, int]]:
        """What a segment holds before the piece that ends in a section: its begin, bytes that stay, the peak, and of a moment."""
        first = self._section[start + 1]
        stages = self._stages.setdefault(start, [(start, 0, 0, {})])
        while len(stages) <= section - first:
            begin, stays, peak, before = stages[-1]
            end = self.pieces.flow.ends[first + len(stages) - 1]
            more, now = self._lines(start, begin, end)
            for p, size in now.items():
                peak = max(peak, size + before.get(p, 0))
            stages.append((end, stays + more, peak, now))
        return stages[section - first]

    def _lines(self, start: int, begin: int, end: int) -> tuple[int, dict[int, int]]:
        """Bytes of a piece's line buffers that stay, and of those of a moment by position."""
        key = (begin, end, self.pieces.fed(start, begin))
        found = self._held.get(key)
        if found is None:
            stays, now = 0, dict[int, int]()
            for _, _, size, first, last, stay in self.pieces.held(start, begin, end):
                if stay:
                    stays += size
                else:
                    for p in range(first, last + 1):
                        now[p] = now.get(p, 0) + size
            found = self._held[key] = stays, now
        return found


def nested(size: int, others: list[tuple[int, int | None]]) -> int:
    """Compute the least bytes of a map with others that may lie over it, apart from each other.

    Args:
        size: Bytes of the map.
        others: Bytes of each other map, and how far from the map's begin it begins at least; None: it lies apart.

    Returns:
        Bytes from the first to the last.
    """
    apart = sum([s for s, least in others if least is None])
    over = [(s, least) for s, least in others if least is not None]
    if len(over) > MOST_NESTED:
        return max(size + apart, sum([s for s, _ in others]))
    best = size + sum([s for s, _ in over])
    for count in range(1, len(over) + 1):
        for order in itertools.permutations(over, count):
            reached = 0
            for s, least in order:
                reached = max(reached, least) + s  # from 0 on: to begin before the map gains nothing
            best = min(best, max(size, reached) + sum([s for s, _ in over]) - sum([s for s, _ in order]))
    return best + apart
