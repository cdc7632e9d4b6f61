"""Where the buffers of a row plan lie: first fit in several orders, with results over inputs whose rows are spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hwasc.cost.row_segments import Shift


@dataclass(frozen=True, slots=True)
class Part:
    """A buffer to place.

    Attributes:
        name: What it is: its role, its segment or 0, its tensor or operator.
        size: Bytes, a multiple of 4.
        first: The first moment of its life; moments count up over the plan.
        last: The last one.
    """

    name: tuple[str, int, int]
    size: int
    first: int
    last: int


Name = tuple[str, int, int]


def place(order: Iterable[Part], shifts: Mapping[tuple[Name, Name], Shift]) -> dict[Name, int]:
    """Place parts by first fit: each, in the order given, at the lowest offset that those placed before it leave.

    Args:
        order: The parts.
        shifts: How a part (first) may lie over another that is alive with it (second).

    Returns:
        Offsets by name.
    """
    placed: list[tuple[int, Part]] = []
    offsets: dict[Name, int] = {}
    for part in order:
        taken: list[tuple[int, int]] = []  # offsets strictly between these are not free
        for at, other in placed:
            if other.first > part.last or other.last < part.first:
                continue
            low, high = at - part.size, at + other.size
            if over := shifts.get((part.name, other.name)):
                low = max(low, at - over.least)
                taken += [(low, at), (at, high)] if over.exact and low < at else [(low, high)]
            elif under := shifts.get((other.name, part.name)):
                high = min(high, at + under.least)
                taken += [(low, at), (at, high)] if under.exact and at < high else [(low, high)]
            else:
                taken.append((low, high))
        offset = 0
        for low, high in sorted(taken):
            if low >= offset:
                break
            offset = max(offset, high)
        offsets[part.name] = offset
        placed.append((offset, part))
    return offsets
