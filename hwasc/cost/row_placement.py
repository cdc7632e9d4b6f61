"""Where the buffers of a row plan lie: first fit in several orders, with results over inputs whose rows are spent."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from hwasc.cost.row_shift import Shift

TRIALS = 8  # orders that are tried at most after the first ones

Name = tuple[str, int, int]


class Part(NamedTuple):
    """A buffer to place.

    Attributes:
        name: What it is: its role, its segment or 0, its tensor or operator.
        size: Bytes, a multiple of 4.
        first: The first moment of its life; moments count up over the plan.
        last: The last one.
        begin: The segment of its first moment.
        end: That of its last one.
    """

    name: Name
    size: int
    first: int
    last: int
    begin: int
    end: int


def arrange(
    parts: Sequence[Part], shifts: Mapping[tuple[Name, Name], Shift], *, bound: int, below: int = sys.maxsize
) -> tuple[int, dict[Name, int]]:
    """Place parts in several orders, until a bound is met: whole maps first, then the largest.

    Args:
        parts: All of them.
        shifts: How a part (first) may lie over another that is alive with it (second).
        bound: No placement needs fewer bytes.
        below: Only a placement in fewer bytes is of interest.

    Returns:
        Bytes, and offsets by name; `below` and none where there is no such placement.
    """
    spans: dict[int, int] = {}  # moments of a segment
    for p in parts:
        if p.begin == p.end:
            spans[p.begin] = max(spans.get(p.begin, 0), p.last - p.first)
    rest = sorted(
        [p for p in parts if p.name[0] != "map"],
        key=lambda p: (p.begin == p.end and p.last - p.first < spans[p.begin] - 1, -p.size),
    )
    maps = [p for p in parts if p.name[0] == "map"]
    size, offsets = below, dict[Name, int]()
    tried = set()
    kept: list[Part] = []

    def attempt(order: list[Part]) -> dict[Name, int]:
        nonlocal size, offsets, kept
        top, found = place(order, shifts)
        if top < size:
            top, found = place(rest, shifts, found, order)
            if top < size:
                size, offsets, kept = top, found, order
        return found

    for order in _orders(maps):
        key = tuple([p.name for p in order])
        if key not in tried:
            tried.add(key)
            attempt(order)
            if size <= bound:
                return size, offsets
    order, found = kept, offsets
    for _ in range(TRIALS):  # what lies on top is placed earlier
        top = max([p for p in parts if p.name in found], key=lambda p: found[p.name] + p.size, default=None)
        if top is None:
            break
        if top.name[0] != "map":
            alive = [p for p in order if p.first <= top.last and top.first <= p.last]
            if not alive:
                break
            top = max(alive, key=lambda p: found[p.name] + p.size)
        order = [top, *(p for p in order if p is not top)]
        key = tuple([p.name for p in order])
        if key in tried:
            break
        tried.add(key)
        found = attempt(order)
        if size <= bound:
            break
    return size, offsets


def _orders(maps: list[Part]) -> Iterator[list[Part]]:
    """Orders of whole maps. The last ones come first: a result reaches below the input that it lies over."""
    yield sorted(maps, key=lambda p: (-p.first, -p.size))
    yield sorted(maps, key=lambda p: (-p.last, -p.size))
    yield sorted(maps, key=lambda p: (-p.first, p.size))
    yield sorted(maps, key=lambda p: -p.size)
    yield sorted(maps, key=lambda p: (p.first, -p.size))


def place(
    order: Sequence[Part],
    shifts: Mapping[tuple[Name, Name], Shift],
    given: Mapping[Name, int] | None = None,
    there: Sequence[Part] = (),
) -> tuple[int, dict[Name, int]]:
    """Place parts by first fit: each, in the order given, at the lowest offset that those placed before it leave.

    Args:
        order: The parts.
        shifts: How a part (first) may lie over another that is alive with it (second).
        given: Offsets of parts that are placed.
        there: These parts.

    Returns:
        Bytes, and offsets by name.
    """
    placed: list[list[tuple[int, Part]]] = [[] for _ in range(max([p.end for p in (*order, *there)], default=0) + 1)]
    offsets: dict[Name, int] = dict(given or {})
    size = 0
    for part in there:
        size = max(size, offsets[part.name] + part.size)
        for segment in range(part.begin, part.end + 1):
            placed[segment].append((offsets[part.name], part))
    for part in order:
        name, bytes_, first, last, begin, end = part
        taken: list[tuple[int, int]] = []  # offsets strictly between these are not free
        for segment in range(begin, end + 1):
            for at, other in placed[segment]:
                if other[2] <= last and other[3] >= first:
                    taken.append((at - bytes_, at + other[1]))
                    if name[0] == "map" == other[0][0]:
                        taken[-1:] = _share(taken[-1], part.name, (at, other.name), shifts)
        offset = 0
        taken.sort()
        for low, high in taken:
            if low >= offset:
                break
            if high > offset:
                offset = high
        offsets[name] = offset
        size = max(size, offset + bytes_)
        for segment in range(begin, end + 1):
            placed[segment].append((offset, part))
    return size, offsets


def _share(
    span: tuple[int, int], name: Name, other: tuple[int, Name], shifts: Mapping[tuple[Name, Name], Shift]
) -> list[tuple[int, int]]:
    """What is left of a span of offsets that are not free, if one of two maps may lie over the other."""
    (low, high), at = span, other[0]
    if over := shifts.get((name, other[1])):
        low, exact = max(low, at - over.least), over.exact
    elif under := shifts.get((other[1], name)):
        high, exact = min(high, at + under.least), under.exact
    else:
        return [span]
    return [(low, at), (at, high)] if exact and low < at < high else [(low, high)]
