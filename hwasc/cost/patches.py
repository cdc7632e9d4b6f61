"""Frequency patches for an interpreter: operators of a graph run on overlapping parts of a map, one after the other.

Each patch is cut from the map with some rows more than its own (STRIDED_SLICE), runs through the operators, and its own rows
are cut from the result; the results are joined (CONCATENATION). The file's padding is SAME on both axes, so at a cut the
operators pad where the whole map has neighbours: the rows that this spoils are among those that are cut away. At a stride, a
patch begins where its windows lie as those of the whole map do. The numbers are the same, bit for bit. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hwasc.cost import graph as deployment
from hwasc.cost.graph import Graph, Operator, Shape
from hwasc.cost.patch_rows import Cut, cuts_of, file_padding
from hwasc.cost.patch_stretches import maps_read
from hwasc.errors import UsageError
from hwasc.records.architecture import Architecture
from hwasc.records.patches import Patches, Stretch


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


def whole(graph: Graph) -> Patched:
    """A graph without patches.

    Args:
        graph: The deployment graph.

    Returns:
        The same graph.
    """
    return Patched(graph, tuple(range(len(graph.tensors))), tuple(range(len(graph.operators))))


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
        cuts = cuts_of(graph, padding, stretch)
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
        kernel = file_padding(op.window[0], op.stride[0], rows, self.padding)[1]
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

    def run_patches(self, stretch: Stretch, cuts: list[Cut]) -> None:
        """Run operators in patches, and join the results."""
        result, results = self.graph.operators[stretch.stop - 1].output, []
        for cut in cuts:
            found = dict(self.numbers)
            for tensor in maps_read(self.graph, stretch):
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
