"""Which operators of a graph can run in frequency patches."""

from __future__ import annotations

from hwasc.cost.graph import Graph, Operator
from hwasc.records.patches import Stretch

LOCAL = ("conv", "depthwise", "average_pool", "add", "mul", "div", "maximum", "rsqrt")


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


def maps_read(graph: Graph, stretch: Stretch) -> list[int]:
    """The maps that a stretch reads and does not make (one value a channel is none).

    Args:
        graph: The deployment graph.
        stretch: The stretch.

    Returns:
        Indices of tensors.
    """
    made = {op.output for op in graph.operators[stretch.start : stretch.stop]}
    read = (t for op in graph.operators[stretch.start : stretch.stop] for t in op.inputs)
    return [t for t in dict.fromkeys(read) if t not in made and graph.tensors[t][1] > 1]


def maps_of(graph: Graph, op: Operator) -> list[int]:
    """The maps that an operator reads.

    Args:
        graph: The deployment graph.
        op: The operator.

    Returns:
        Indices of tensors, without those of one value a channel.
    """
    return [t for t in op.inputs if graph.tensors[t][1] > 1]
