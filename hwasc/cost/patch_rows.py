"""The rows of a frequency patch: how many an operator makes of some rows, and which of them are the whole map's.

The file's padding is SAME on both axes, so at a cut the operators pad where the whole map has neighbours. The rows that this
spoils must not be a patch's own. At a stride, a patch begins where its windows lie as those of the whole map do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hwasc.cost.graph import Graph, Operator
from hwasc.cost.patch_stretches import maps_of, maps_read, stretches
from hwasc.records.patches import Stretch

Rows = tuple[int, int]  # from, to (exclusive)
REACH = 16  # rows that a patch may begin earlier or end later than it must, to lie as the whole map does


@dataclass(frozen=True)
class Cut:
    """One patch.

    Attributes:
        own: Its rows of the result.
        pieces: What it has of each tensor.
    """

    own: Rows
    pieces: dict[int, Piece]


@dataclass(frozen=True)
class Piece:
    """Rows of one tensor in a patch, in the whole map's numbers.

    Attributes:
        rows: Those that the tensor has.
        right: Those whose numbers are the whole map's.
    """

    rows: Rows
    right: Rows


def cuts_of(graph: Graph, padding: str, stretch: Stretch) -> list[Cut] | None:
    """Cut the result of a stretch into patches, and find the rows that each needs.

    Args:
        graph: The deployment graph.
        padding: Of the architecture: `same` or `torch`.
        stretch: The operators and how many patches.

    Returns:
        The patches; None if no cut lies as the whole map does, or there are fewer rows than patches.
    """
    if stretch.stop not in stretches(graph, stretch.start):
        return None
    height = graph.tensors[graph.operators[stretch.stop - 1].output][1]
    if height < stretch.count:
        return None
    bounds = [height * i // stretch.count for i in range(stretch.count + 1)]
    cuts = []
    for own in pairwise(bounds):
        pieces = _cut(graph, padding, stretch, own)
        if pieces is None:
            return None
        cuts.append(Cut(own, pieces))
    return cuts


def file_padding(kernel: int, stride: int, size: int, padding: str) -> tuple[int, int]:
    """How an operator of the file pads a map.

    Args:
        kernel: Rows of the kernel.
        stride: Over rows.
        size: Rows of the map.
        padding: Of the architecture: `same` or `torch`.

    Returns:
        (rows of zeros before the map, the kernel's rows in the file).
    """
    more = int(padding == "torch" and kernel > 1 and stride == 2 and size % 2 == 0)
    total = max((-(-size // stride) - 1) * stride + kernel + more - size, 0)
    return total // 2, kernel + more


def _needed(graph: Graph, padding: str, stretch: Stretch, own: Rows) -> Rows:
    """The rows of what the stretch reads that the result's own rows depend on."""
    needed: dict[int, Rows] = {graph.operators[stretch.stop - 1].output: own}
    for op in reversed(graph.operators[stretch.start : stretch.stop]):
        low, high = needed[op.output]
        for tensor in maps_of(graph, op):
            size, kernel, stride = graph.tensors[tensor][1], op.window[0], op.stride[0]
            before = file_padding(kernel, stride, size, padding)[0]
            rows = max(low * stride - before, 0), min((high - 1) * stride - before + kernel, size)
            other = needed.get(tensor, rows)
            needed[tensor] = min(rows[0], other[0]), max(rows[1], other[1])
    found = [needed[t] for t in maps_read(graph, stretch)]
    return min(rows[0] for rows in found), max(rows[1] for rows in found)


def _cut(graph: Graph, padding: str, stretch: Stretch, own: Rows) -> dict[int, Piece] | None:
    """Find the fewest rows of what the stretch reads from which the result's own rows come out right.

    Returns:
        The pieces by tensor, or None.
    """
    size, needed = graph.tensors[maps_read(graph, stretch)[0]][1], _needed(graph, padding, stretch, own)
    starts = range(needed[0], max(needed[0] - REACH, -1), -1)
    stops = range(needed[1], min(needed[1] + REACH, size + 1))
    for start, stop in sorted(((a, b) for a in starts for b in stops), key=lambda rows: (rows[1] - rows[0], rows[1])):
        pieces = _pieces(graph, padding, stretch, (start, stop))
        if pieces is not None:
            right = pieces[graph.operators[stretch.stop - 1].output].right
            if right[0] <= own[0] and own[1] <= right[1]:
                return pieces
    return None


def _pieces(graph: Graph, padding: str, stretch: Stretch, rows: Rows) -> dict[int, Piece] | None:
    """The pieces of all tensors if what is read has these rows; None where they do not lie as the whole map does."""
    found = {tensor: Piece(rows, rows) for tensor in maps_read(graph, stretch)}
    for op in graph.operators[stretch.start : stretch.stop]:
        maps = maps_of(graph, op)
        pieces = [found[t] for t in maps]
        if any(piece.rows != pieces[0].rows for piece in pieces):
            return None
        right = max(p.right[0] for p in pieces), min(p.right[1] for p in pieces)
        piece = _after(op, Piece(pieces[0].rows, right), padding, graph.tensors[maps[0]][1])
        if piece is None:
            return None
        found[op.output] = piece
    return found


def _after(op: Operator, piece: Piece, padding: str, size: int) -> Piece | None:
    """What an operator makes of a piece of a map of `size` rows."""
    kernel, stride, (start, stop) = op.window[0], op.stride[0], piece.rows
    before = file_padding(kernel, stride, size, padding)[0]
    first, off = divmod(start + before - file_padding(kernel, stride, stop - start, padding)[0], stride)
    rows = first, first + -(-(stop - start) // stride)
    if off or first < 0 or rows[1] > -(-size // stride):
        return None
    low = rows[0] if piece.right[0] == 0 else -(-(piece.right[0] + before) // stride)
    high = rows[1] if piece.right[1] == size else (piece.right[1] + before - kernel) // stride + 1
    right = max(low, rows[0]), min(high, rows[1])
    return Piece(rows, right) if right[0] < right[1] else None
