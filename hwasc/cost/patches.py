"""Frequency patches for an interpreter: operators of a graph run on overlapping parts of a map, one after the other.

Each patch is cut from the map with some rows more than its own (STRIDED_SLICE), runs through the operators, and its own rows
are cut from the result; the results are joined (CONCATENATION). The file's padding is SAME on both axes, so at a cut the
operators pad where the whole map has neighbours: the rows that this spoils are among those that are cut away. At a stride, a
patch begins where its windows lie as those of the whole map do. The numbers are the same, bit for bit. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

from hwasc.cost import graph as deployment
from hwasc.cost.graph import Graph, Operator, Shape
from hwasc.errors import UsageError
from hwasc.records.architecture import Architecture
from hwasc.records.patches import Patches, Stretch

Rows = tuple[int, int]  # from, to (exclusive)
REACH = 16  # rows that a patch may begin earlier or end later than it must, to lie as the whole map does
LOCAL = ("conv", "depthwise", "average_pool", "add", "mul", "div", "maximum", "rsqrt")


@dataclass(frozen=True)
class Patched:
    """A graph of which operators run in patches.

    Attributes:
        graph: The operators as they run.
        tensors: For each of its tensors the tensor of the whole graph that it is a part of.
        operators: For each of its operators the operator of the whole graph that it computes a part of; None: it cuts or joins.
    """

    graph: Graph
    tensors: tuple[int, ...]
    operators: tuple[int | None, ...]


@dataclass(frozen=True)
class _Cut:
    """One patch.

    Attributes:
        own: Its rows of the result.
        pieces: What it has of each tensor.
    """

    own: Rows
    pieces: dict[int, _Piece]


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
    """A graph without patches.

    Args:
        graph: The deployment graph.

    Returns:
        The same graph.
    """
    return Patched(graph, tuple(range(len(graph.tensors))), tuple(range(len(graph.operators))))


def stretches(graph: Graph, start: int) -> list[int]:
    """List where a stretch of operators that can run in patches may stop.

    Nothing in it looks at a whole map (a mean does), it reads maps of one height, and only its last result is read later.

    Args:
        graph: The deployment graph.
        start: Index of its first operator.

    Returns:
        Indices after the last operator, rising.
    """
    last = {t: i for i, op in enumerate(graph.operators) for t in op.inputs}
    made: set[int] = set()
    heights: set[int] = set()
    found, open_until = [], -1
    for i, op in enumerate(graph.operators[start:-1], start):
        if op.kind not in LOCAL or graph.tensors[op.output][1] == 1 or op.output in graph.outputs:
            break
        heights |= {graph.tensors[t][1] for t in op.inputs if t not in made} - {1}
        if len(heights) > 1:
            break
        if open_until <= i:
            found.append(i + 1)
        made.add(op.output)
        open_until = max(open_until, last[op.output])
    return found


def patched(architecture: Architecture, patches: Patches) -> Patched:
    """Run operators of an architecture's graph in patches.

    Args:
        architecture: The architecture.
        patches: The operators and how many patches.

    Returns:
        The patched graph.

    Raises:
        UsageError: These operators cannot run in so many patches.
    """
    made = in_patches(deployment.build(architecture), architecture.padding, patches)
    if made is None:
        raise UsageError(f"this net cannot run so: {patches}")
    return made


def in_patches(graph: Graph, padding: str, patches: Patches) -> Patched | None:
    """Run operators of a graph in patches.

    Args:
        graph: The deployment graph.
        padding: Of the architecture: `same` or `torch`.
        patches: The operators (see `stretches`) and how many patches.

    Returns:
        The patched graph; None if no cut lies as the whole map does, or a result has fewer rows than patches.
    """
    made = _Joiner(graph, padding)
    for tensor in graph.inputs:
        made.numbers[tensor] = made.tensor(tensor, graph.tensors[tensor][1])
    done = 0
    for stretch in patches.stretches:
        cuts = _cuts(graph, padding, stretch)
        if cuts is None:
            return None
        made.run_whole(range(done, stretch.start))
        made.run_patches(stretch, cuts)
        done = stretch.stop
    made.run_whole(range(done, len(graph.operators)))
    outputs = tuple(made.numbers[t] for t in graph.outputs)
    inputs = tuple(made.numbers[t] for t in graph.inputs)
    return Patched(
        Graph(tuple(made.shapes), tuple(made.operators), inputs, outputs), tuple(made.tensors), tuple(made.sources)
    )


def _cuts(graph: Graph, padding: str, stretch: Stretch) -> list[_Cut] | None:
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
        cuts.append(_Cut(own, pieces))
    return cuts


def _padding(kernel: int, stride: int, size: int, padding: str) -> tuple[int, int]:
    """(rows of zeros before the map, the kernel's rows) of an operator in the file, over `size` rows."""
    more = int(padding == "torch" and kernel > 1 and stride == 2 and size % 2 == 0)
    total = max((-(-size // stride) - 1) * stride + kernel + more - size, 0)
    return total // 2, kernel + more


def _sources(graph: Graph, stretch: Stretch) -> list[int]:
    """The maps that a stretch reads and does not make (one value a channel is none)."""
    made = {op.output for op in graph.operators[stretch.start : stretch.stop]}
    read = (t for op in graph.operators[stretch.start : stretch.stop] for t in op.inputs)
    return [t for t in dict.fromkeys(read) if t not in made and graph.tensors[t][1] > 1]


def _needed(graph: Graph, padding: str, stretch: Stretch, own: Rows) -> Rows:
    """The rows of what the stretch reads that the result's own rows depend on."""
    needed: dict[int, Rows] = {graph.operators[stretch.stop - 1].output: own}
    for op in reversed(graph.operators[stretch.start : stretch.stop]):
        low, high = needed[op.output]
        for tensor in _maps(graph, op):
            size, kernel, stride = graph.tensors[tensor][1], op.window[0], op.stride[0]
            before = _padding(kernel, stride, size, padding)[0]
            rows = max(low * stride - before, 0), min((high - 1) * stride - before + kernel, size)
            other = needed.get(tensor, rows)
            needed[tensor] = min(rows[0], other[0]), max(rows[1], other[1])
    found = [needed[t] for t in _sources(graph, stretch)]
    return min(rows[0] for rows in found), max(rows[1] for rows in found)


def _maps(graph: Graph, op: Operator) -> list[int]:
    return [t for t in op.inputs if graph.tensors[t][1] > 1]


def _cut(graph: Graph, padding: str, stretch: Stretch, own: Rows) -> dict[int, _Piece] | None:
    """Find the fewest rows of what the stretch reads from which the result's own rows come out right.

    Returns:
        The pieces by tensor, or None.
    """
    size, needed = graph.tensors[_sources(graph, stretch)[0]][1], _needed(graph, padding, stretch, own)
    starts = range(needed[0], max(needed[0] - REACH, -1), -1)
    stops = range(needed[1], min(needed[1] + REACH, size + 1))
    for start, stop in sorted(((a, b) for a in starts for b in stops), key=lambda rows: (rows[1] - rows[0], rows[1])):
        pieces = _pieces(graph, padding, stretch, (start, stop))
        if pieces is not None:
            right = pieces[graph.operators[stretch.stop - 1].output].right
            if right[0] <= own[0] and own[1] <= right[1]:
                return pieces
    return None


def _pieces(graph: Graph, padding: str, stretch: Stretch, rows: Rows) -> dict[int, _Piece] | None:
    """The pieces of all tensors if what is read has these rows; None where they do not lie as the whole map does."""
    found = {tensor: _Piece(rows, rows) for tensor in _sources(graph, stretch)}
    for op in graph.operators[stretch.start : stretch.stop]:
        maps = _maps(graph, op)
        pieces = [found[t] for t in maps]
        if any(piece.rows != pieces[0].rows for piece in pieces):
            return None
        right = max(p.right[0] for p in pieces), min(p.right[1] for p in pieces)
        piece = _after(op, _Piece(pieces[0].rows, right), padding, graph.tensors[maps[0]][1])
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
    numbers: dict[int, int] = field(default_factory=dict)  # of whole tensors

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
        rows = max(self.shapes[t][1] for t in inputs)
        kernel = _padding(op.window[0], op.stride[0], rows, self.padding)[1]
        shares = self.first.setdefault((source, kernel), len(self.operators))
        _, rows, _, _ = self.shapes[output]
        macs = op.macs // self.graph.tensors[op.output][1] * rows
        own = shares == len(self.operators)
        self.append(replace(op, inputs=inputs, output=output, macs=macs, shares=None if own else shares), source)

    def run_whole(self, sources: range) -> None:
        """Run operators over whole maps."""
        for i in sources:
            op = self.graph.operators[i]
            self.numbers[op.output] = self.tensor(op.output, self.graph.tensors[op.output][1])
            self.run(i, tuple(self.numbers[t] for t in op.inputs), self.numbers[op.output])

    def run_patches(self, stretch: Stretch, cuts: list[_Cut]) -> None:
        """Run operators in patches, and join the results."""
        result, results = self.graph.operators[stretch.stop - 1].output, []
        for cut in cuts:
            found = dict(self.numbers)
            for tensor in _sources(self.graph, stretch):
                start, stop = cut.pieces[tensor].rows
                found[tensor] = self.cut(self.numbers[tensor], start, stop - start)
            for i in range(stretch.start, stretch.stop):
                op = self.graph.operators[i]
                start, stop = cut.pieces[op.output].rows
                found[op.output] = self.tensor(op.output, stop - start)
                self.run(i, tuple(found[t] for t in op.inputs), found[op.output])
            first = cut.own[0] - cut.pieces[result].rows[0]
            results.append(self.cut(found[result], first, cut.own[1] - cut.own[0]))
        self.numbers[result] = self.tensor(result, self.graph.tensors[result][1])
        self.append(Operator("concat", "patches", tuple(results), self.numbers[result]), None)
