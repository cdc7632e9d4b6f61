"""Where a net is cut into segments: dynamic programming over the cuts, for the least bytes of the fullest segment.

What a segment needs while its rows run is counted as a bound: whole maps (less what a result can share with an input whose rows
are spent), line buffers, those of a moment as they live together, sums, and the kernels' scratch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hwasc.cost.row_pieces import Pieces

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


def partition(pieces: Pieces, patches: tuple[int, ...], *, below: int) -> Partition | None:
    """Find the best partition.

    Args:
        pieces: Of the net.
        patches: Scratch bytes of each row operator.
        below: Only a partition that needs fewer bytes is of interest.

    Returns:
        The partition; None if there is none below.
    """
    excess: dict[tuple[int, int], int] = {}
    while True:
        found = _shortest(pieces, patches, below=below, excess=excess)
        if found is None:
            return None
        more = {s: _excess(pieces, *s) for s in found.segments if s not in excess}
        if not any(more.values()):
            return found
        excess |= more


def _excess(pieces: Pieces, start: int, end: int) -> int:
    given = pieces.live(start)
    return maps(pieces, given, start, end, exact=True) - maps(pieces, given, start, end, exact=False)


def _shortest(
    pieces: Pieces, patches: tuple[int, ...], *, below: int, excess: Mapping[tuple[int, int], int]
) -> Partition | None:
    count = len(pieces.rows.rows)
    alive = [_whole(pieces, pieces.live(p)) for p in range(count)]
    cuts = [p for p in range(count) if alive[p] < below]
    best: dict[int, int] = {0: 0}
    steps: dict[int, list[tuple[int, int]]] = {}
    for start in cuts:
        if best.get(start, below) >= below:
            continue
        steps[start] = []
        for end, need in costs(pieces, patches, start, cuts=cuts, below=below):
            needed = need + excess.get((start, end), 0)
            steps[start].append((end, needed))
            best[end] = min(best.get(end, below), max(best[start], needed))
    bound = best.get(count, below)
    return None if bound >= below else Partition(_fewest(steps, count, bound), bound)


def _fewest(steps: Mapping[int, list[tuple[int, int]]], count: int, bound: int) -> Segments:
    """The partition with fewest segments, and among those with fewest bytes in all, within a bound."""
    best: dict[int, tuple[int, int]] = {0: (0, 0)}
    before: dict[int, int] = {}
    for start in sorted(steps):
        if start not in best:
            continue
        number, total = best[start]
        for end, needed in steps[start]:
            now = (number + 1, total + needed)
            if needed <= bound and (end not in best or now < best[end]):
                best[end], before[end] = now, start
    segments = [(before[count], count)]
    while segments[0][0]:
        segments.insert(0, (before[segments[0][0]], segments[0][0]))
    return tuple(segments)


def costs(
    pieces: Pieces, patches: tuple[int, ...], start: int, *, cuts: list[int], below: int
) -> Iterator[tuple[int, int]]:
    """Count what each segment from a position on needs.

    Args:
        pieces: Of the net.
        patches: Scratch bytes of each row operator.
        start: Where the segments begin.
        cuts: Where they may end, beside the net's end.
        below: Longer segments are left out once one is known to need as much.

    Yields:
        The position behind the segment, and the bytes.
    """
    operators, graph = pieces.rows.rows, pieces.rows.graph
    count = len(operators)
    given = pieces.live(start)
    whole_in = _whole(pieces, given)
    stays, patch, sums, peak = 0, 0, 0, 0
    load = [0] * (count + 1)
    begin, position = start, start
    allowed = {*cuts, count}
    for section in (e for e in pieces.ends if e > start):
        while position < section:
            op = operators[position]
            if op.after >= start:
                return
            patch = max(patch, patches[position])
            sums += 4 * graph.tensors[op.result][3] if op.output < 0 else 0
            position += 1
            if position not in allowed and position != section:
                continue
            held = pieces.held(start, begin, position)
            fixed = stays + sum(h.bytes for h in held if h.stays)
            if whole_in + fixed + sums + patch >= below:
                if position == section:
                    return
                continue
            now = dict[int, int]()
            for h in held:
                if not h.stays:
                    for p in range(h.first, h.last + 1):
                        now[p + 1] = now.get(p + 1, 0) + h.bytes
            top = max((load[p] + more for p, more in now.items()), default=0)
            if position in allowed:
                bytes_ = maps(pieces, given, start, position, exact=False)
                yield position, bytes_ + fixed + max(peak, top) + sums + patch
            if position == section:
                stays, peak = fixed, max(peak, top)
                for p, more in now.items():
                    load[p] += more
        begin = section


def _whole(pieces: Pieces, tensors: list[int]) -> int:
    return sum(pieces.whole(t) for t in tensors)


def maps(pieces: Pieces, given: list[int], start: int, end: int, *, exact: bool) -> int:
    """Count the bytes of the whole tensors while a segment's rows run, where results lie over spent inputs.

    Args:
        pieces: Of the net.
        given: Whole tensors at the segment's start.
        start: Position at which the segment begins.
        end: Position behind it.
        exact: Whether to heed when rows are spent (see `shift`), or sizes alone, which is less work and never more bytes.

    Returns:
        Bytes; no placement needs fewer.
    """
    made, gone = results(pieces, start, end), spent(pieces, given, end)
    shared = 0
    for x in gone:
        size, reach, total = pieces.whole(x), 0, 0  # results over x do not overlap, and cover it from its begin
        for z in made:
            covers = size
            if exact:
                found = shift(pieces, x, z, start=start, end=end)
                covers = 0 if found is None else size if found.exact else max(pieces.whole(z) - found.least, 0)
            reach = max(reach, covers)
            total += min(pieces.whole(z), covers)
        shared += min(size, reach, total)
    shared = min(shared, _whole(pieces, made))
    return _whole(pieces, given) + _whole(pieces, made) - shared


def results(pieces: Pieces, start: int, end: int) -> list[int]:
    """Maps that a segment leaves whole."""
    return [t for t in pieces.live(end) if pieces.first[t] >= start and t in pieces.streams]


def spent(pieces: Pieces, given: list[int], end: int) -> list[int]:
    """Maps among the whole ones at a segment's start that no later segment reads."""
    return [t for t in given if t in pieces.streams and pieces.last[t] < end and t not in pieces.kept]


@dataclass(frozen=True)
class Shift:
    """How a result may lie over a spent input.

    Attributes:
        least: The result's offset is at least these bytes below the input's, or behind the input's end.
        exact: Whether it may also begin where the input begins.
    """

    least: int
    exact: bool


def shift(pieces: Pieces, x: int, z: int, *, start: int, end: int) -> Shift | None:
    """Compute how a result of a segment may lie over an input whose rows are spent.

    When row r of z is made, its maker reads, and every other operator on the way from x to z has made what that row needs. So the
    first row of x that is still read is known, and row r of z has to end before it.

    Args:
        pieces: Of the net.
        x: A whole map that no later segment reads.
        z: A map that the segment leaves whole.
        start: Position at which the segment begins.
        end: Position behind it.

    Returns:
        The shift; None if an operator beside the way from x to z reads x.
    """
    operators, heights, size = pieces.rows.rows, pieces.rows.heights, pieces.rows.bytes
    maker = pieces.first[z]
    of: dict[int, list[int]] = {}  # rows of a tensor that have been made, for each row of z
    height = heights[z]
    first, after = [heights[x]] * height, [heights[x]] * height
    for position in range(end - 1, start - 1, -1):
        op = operators[position]
        if position == maker:
            done, next_done = list(range(height)), list(range(1, height + 1))
        elif op.output >= 0 and op.output in of:
            done = next_done = of[op.output]
        else:
            if x in op.inputs:
                return None
            continue
        for i in op.inputs:
            if i == x:
                first = [min(f, _next(op.first(d), d, op.rows, heights[x])) for f, d in zip(first, done, strict=True)]
                after = [
                    min(f, _next(op.first(d), d, op.rows, heights[x])) for f, d in zip(after, next_done, strict=True)
                ]
            elif i in pieces.streams and pieces.first[i] >= start:
                rows = done if position == maker else [d - 1 for d in done]
                counts = [op.last(r, heights[i]) + 1 for r in rows]
                of[i] = [max(a, b) for a, b in zip(of[i], counts, strict=True)] if i in of else counts
    exact = size[x] == size[z] and height == heights[x] and operators[maker].kernel == 1
    exact = exact and _elementwise(pieces, maker) and all(f > r for r, f in enumerate(after))
    return Shift(max((r + 1) * size[z] - f * size[x] for r, f in enumerate(first)), exact)


def _next(first: int, done: int, rows: int, height: int) -> int:
    return first if done < rows else height


def _elementwise(pieces: Pieces, position: int) -> bool:
    return pieces.rows.graph.operators[pieces.rows.rows[position].number].kind in ("add", "mul")
