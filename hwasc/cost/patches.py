"""Frequency patches for an interpreter: the first operators of a graph run on overlapping parts of the map, one after the other.

Each patch is cut from the input with some rows more than its own (STRIDED_SLICE), runs through the operators, and its own rows
are cut from the result; the results are joined (CONCATENATION). The file's padding is SAME on both axes, so at a cut the
operators pad where the whole map has neighbours: the rows that this spoils are among those that are cut away. At a stride, a
patch begins where its windows lie as those of the whole map do. The numbers are the same, bit for bit. No torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hwasc.cost.graph import Graph, Operator, Shape
from hwasc.records.patches import Patches

Rows = tuple[int, int]  # from, to (exclusive)
REACH = 16  # rows that a patch may begin earlier or end later than it must, to lie as the whole map does
LOCAL = ("conv", "depthwise", "average_pool", "add", "mul", "div", "maximum", "rsqrt")


@dataclass(frozen=True)
class Patched:
    """A graph whose first operators run in patches.

    Attributes:
        graph: The operators as they run.
        tensors: For each of its tensors the tensor of the whole graph that it is a part of.
        operators: For each of its operators the operator of the whole graph that it computes a part of; None: it cuts or joins.
    """

    graph: Graph
    tensors: tuple[int, ...]
    operators: tuple[int | None, ...]


@dataclass(frozen=True)
class _Piece:
    """Rows of one tensor in a patch, in the whole map's numbers.

    Attributes:
        rows: Those that the tensor has.
        right: Those whose numbers are the whole map's.
    """

    rows: Rows
    right: Rows


def whole(graph: Graph) -> Patched:
    """A graph without patches."""
    return Patched(graph, tuple(range(len(graph.tensors))), tuple(range(len(graph.operators))))


def ends(graph: Graph) -> list[int]:
    """List how many of the first operators can run in patches.

    Up to there nothing looks at a whole map (a mean does), and only the last result is read later.

    Args:
        graph: The deployment graph.

    Returns:
        Numbers of operators, rising.
    """
    last = {t: i for i, op in enumerate(graph.operators) for t in op.inputs}
    found, open_until = [], max((last.get(t, -1) for t in graph.inputs), default=-1)
    for i, op in enumerate(graph.operators[:-1]):
        if op.kind not in LOCAL or any(graph.tensors[t][1] == 1 for t in (*op.inputs, op.output)):
            break
        if open_until <= i and op.output not in graph.outputs:
            found.append(i + 1)
        open_until = max(open_until, last.get(op.output, i))
    return found


def patched(graph: Graph, padding: str, patches: Patches) -> Patched | None:
    """Run the first operators of a graph in patches.

    Args:
        graph: The deployment graph.
        padding: Of the architecture: `same` or `torch`.
        patches: How many, and of how many operators (one of `ends`).

    Returns:
        The patched graph; None if no cut lies as the whole map does, or the result has fewer rows than patches.
    """
    if patches.operators not in ends(graph):
        return None
    result = graph.operators[patches.operators - 1].output
    height = graph.tensors[result][1]
    if height < patches.count:
        return None
    bounds = [height * i // patches.count for i in range(patches.count + 1)]
    parts = []
    for own in zip(bounds, bounds[1:], strict=False):
        pieces = _cut(graph, padding, patches.operators, own)
        if pieces is None:
            return None
        parts.append((own, pieces))
    return _joined(graph, padding, patches.operators, parts)


def _padding(kernel: int, stride: int, size: int, padding: str) -> tuple[int, int]:
    """(rows of zeros before the map, the kernel's rows) of an operator in the file, over `size` rows."""
    more = int(padding == "torch" and kernel > 1 and stride == 2 and size % 2 == 0)
    total = max((-(-size // stride) - 1) * stride + kernel + more - size, 0)
    return total // 2, kernel + more


def _needed(graph: Graph, padding: str, count: int, own: Rows) -> Rows:
    """The input's rows that the result's own rows depend on."""
    needed: dict[int, Rows] = {graph.operators[count - 1].output: own}
    for op in reversed(graph.operators[:count]):
        low, high = needed[op.output]
        for tensor in op.inputs:
            size, kernel, stride = graph.tensors[tensor][1], op.window[0], op.stride[0]
            before = _padding(kernel, stride, size, padding)[0]
            rows = max(low * stride - before, 0), min((high - 1) * stride - before + kernel, size)
            other = needed.get(tensor, rows)
            needed[tensor] = min(rows[0], other[0]), max(rows[1], other[1])
    return needed[graph.inputs[0]]


def _cut(graph: Graph, padding: str, count: int, own: Rows) -> dict[int, _Piece] | None:
    """Find the fewest rows of the input from which the result's own rows come out right.

    Returns:
        The pieces by tensor, or None.
    """
    size, needed = graph.tensors[graph.inputs[0]][1], _needed(graph, padding, count, own)
    starts = range(needed[0], max(needed[0] - REACH, -1), -1)
    stops = range(needed[1], min(needed[1] + REACH, size + 1))
    for start, stop in sorted(((a, b) for a in starts for b in stops), key=lambda rows: (rows[1] - rows[0], rows[1])):
        pieces = _pieces(graph, padding, count, (start, stop))
        if pieces is not None:
            right = pieces[graph.operators[count - 1].output].right
            if right[0] <= own[0] and own[1] <= right[1]:
                return pieces
    return None


def _pieces(graph: Graph, padding: str, count: int, rows: Rows) -> dict[int, _Piece] | None:
    """The pieces of all tensors if the input has these rows; None where they do not lie as the whole map does."""
    found = {graph.inputs[0]: _Piece(rows, rows)}
    for op in graph.operators[:count]:
        pieces = [found[t] for t in op.inputs]
        if any(piece.rows != pieces[0].rows for piece in pieces):
            return None
        right = max(p.right[0] for p in pieces), min(p.right[1] for p in pieces)
        piece = _after(op, _Piece(pieces[0].rows, right), padding, graph.tensors[op.inputs[0]][1])
        if piece is None:
            return None
        found[op.output] = piece
    return found


def _after(op: Operator, piece: _Piece, padding: str, size: int) -> _Piece | None:
    """What an operator makes of a piece of a map of `size` rows."""
    kernel, stride, (start, stop) = op.window[0], op.stride[0], piece.rows
    before = _padding(kernel, stride, size, padding)[0]
    first, off = divmod(start + before - _padding(kernel, stride, stop - start, padding)[0], stride)
    rows = first, first + -(-(stop - start) // stride)
    if off or first < 0 or rows[1] > -(-size // stride):
        return None
    low = rows[0] if piece.right[0] == 0 else -(-(piece.right[0] + before) // stride)
    high = rows[1] if piece.right[1] == size else (piece.right[1] + before - kernel) // stride + 1
    right = max(low, rows[0]), min(high, rows[1])
    return _Piece(rows, right) if right[0] < right[1] else None


@dataclass
class _Joiner:
    """Collects tensors and operators with the numbers that they have in the whole graph."""

    graph: Graph
    padding: str
    shapes: list[Shape] = field(default_factory=list)
    tensors: list[int] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    sources: list[int | None] = field(default_factory=list)
    first: dict[tuple[int, int], int] = field(default_factory=dict)

    def tensor(self, source: int, rows: int) -> int:
        _, _, w, c = self.graph.tensors[source]
        self.shapes.append((1, rows, w, c))
        self.tensors.append(source)
        return len(self.shapes) - 1

    def cut(self, tensor: int, start: int, rows: int) -> int:
        """Cut rows out of a tensor."""
        if (start, rows) == (0, self.shapes[tensor][1]):
            return tensor
        made = self.tensor(self.tensors[tensor], rows)
        self.append(Operator("slice", "patches", (tensor,), made, start=start), None)
        return made

    def append(self, op: Operator, source: int | None) -> None:
        self.operators.append(op)
        self.sources.append(source)

    def run(self, source: int, inputs: tuple[int, ...], output: int) -> None:
        """Append an operator of the whole graph. It shares its constants with one that has the same kernel in the file."""
        op = self.graph.operators[source]
        kernel = _padding(op.window[0], op.stride[0], self.shapes[inputs[0]][1], self.padding)[1]
        shares = self.first.setdefault((source, kernel), len(self.operators))
        _, rows, _, _ = self.shapes[output]
        macs = op.macs // self.graph.tensors[op.output][1] * rows
        own = shares == len(self.operators)
        self.append(replace(op, inputs=inputs, output=output, macs=macs, shares=None if own else shares), source)


def _joined(graph: Graph, padding: str, count: int, parts: list[tuple[Rows, dict[int, _Piece]]]) -> Patched:
    made = _Joiner(graph, padding)
    start = made.tensor(graph.inputs[0], graph.tensors[graph.inputs[0]][1])
    result, results = graph.operators[count - 1].output, []
    for own, pieces in parts:
        rows = pieces[graph.inputs[0]].rows
        found = {graph.inputs[0]: made.cut(start, rows[0], rows[1] - rows[0])}
        for i, op in enumerate(graph.operators[:count]):
            piece = pieces[op.output].rows
            found[op.output] = made.tensor(op.output, piece[1] - piece[0])
            made.run(i, tuple(found[t] for t in op.inputs), found[op.output])
        results.append(made.cut(found[result], own[0] - pieces[result].rows[0], own[1] - own[0]))
    numbers = {result: made.tensor(result, graph.tensors[result][1])}
    made.append(Operator("concat", "patches", tuple(results), numbers[result]), None)
    for i, op in enumerate(graph.operators[count:], count):
        numbers[op.output] = made.tensor(op.output, graph.tensors[op.output][1])
        made.run(i, tuple(numbers[t] for t in op.inputs), numbers[op.output])
    outputs = tuple(numbers[t] for t in graph.outputs)
    return Patched(
        Graph(tuple(made.shapes), tuple(made.operators), (start,), outputs), tuple(made.tensors), tuple(made.sources)
    )


def every(graph: Graph, padding: str, counts: tuple[int, ...]) -> Iterator[tuple[Patches, Patched]]:
    """Every way to run a graph in patches.

    Args:
        graph: The deployment graph.
        padding: Of the architecture.
        counts: Numbers of patches to try.

    Yields:
        The patches, and the graph that runs in them.
    """
    for operators in ends(graph):
        for count in counts:
            patches = Patches(count, operators)
            made = patched(graph, padding, patches)
            if made is not None:
                yield patches, made
