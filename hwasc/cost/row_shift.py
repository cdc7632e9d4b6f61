"""Results over spent inputs: how far the rows of a map have to lie below those of the map that it takes the place of."""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.cost.row_pieces import Pieces


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

    When row r of z is made, every other operator on the way from x to z has made what that row needs. So the first row of x that
    is still read is known, and row r of z has to end before it. A sum or product of elements may also write over what it reads.

    Args:
        pieces: Of the net.
        x: A whole map that no later segment reads.
        z: A map that the segment leaves whole.
        start: Position at which the segment begins.
        end: Position behind it.

    Returns:
        The shift; None if an operator beside the way from x to z reads x, or one reads x for each of its rows.
    """
    operators, heights, size = pieces.rows.rows, pieces.rows.heights, pieces.rows.bytes
    maker, height, below = pieces.flow.first[z], heights[z], heights[x]
    made: dict[int, list[int]] = {}  # rows of a tensor that have been made, for each row of z
    first, after = [below] * height, [below] * height
    for position in range(end - 1, start - 1, -1):
        op = operators[position]
        if x in op.cells:  # every row reads it
            return None
        if position == maker:
            done, next_done = list(range(height)), list(range(1, height + 1))
        elif op.output in made:
            done = next_done = made[op.output]
        elif x in op.inputs:
            return None
        else:
            continue
        stride, pad = op.stride, op.pad
        if x in op.inputs:
            lowest = [max(0, d * stride - pad) for d in range(op.rows)] + [below]
            first = [f if f < lowest[d] else lowest[d] for f, d in zip(first, done, strict=True)]
            after = [f if f < lowest[d] else lowest[d] for f, d in zip(after, next_done, strict=True)]
        reach = op.kernel - pad if position == maker else op.kernel - pad - stride
        for i in op.inputs:
            if i != x and pieces.flow.first[i] >= start:
                counts = [min(heights[i], d * stride + reach) for d in done]
                made[i] = list(map(max, made[i], counts)) if i in made else counts
    least = max([(r + 1) * size[z] - f * size[x] for r, f in enumerate(first)])
    kind = pieces.rows.graph.operators[operators[maker].number].kind
    same = kind in ("add", "mul") and size[x] == size[z] and height == below
    return Shift(least, exact=same and all(f > r for r, f in enumerate(after)))
