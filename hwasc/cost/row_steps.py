"""The engine's policy, step by step: whenever row operators have the rows that they read, the last of them makes one row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwasc.cost.row_graph import RowOperator


def steps(operators: Sequence[RowOperator], heights: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Run a segment in thought.

    Args:
        operators: Of the segment, in order. Tensors that none of them makes are complete from the start.
        heights: Rows of each tensor.

    Yields:
        The position of the operator that runs, and the row that it makes.
    """
    made = {op.output: 0 for op in operators if op.output >= 0}
    counts = [0] * len(operators)
    places = range(len(operators) - 1, -1, -1)
    waits = [[(i, heights[i]) for i in op.inputs if i in made] for op in operators]
    for _ in range(sum(op.rows for op in operators)):
        place = next(
            p
            for p in places
            if counts[p] < operators[p].rows
            and all(operators[p].last(counts[p], height) < made[i] for i, height in waits[p])
        )
        yield place, counts[place]
        counts[place] += 1
        if operators[place].output >= 0:
            made[operators[place].output] += 1


def held(operators: Sequence[RowOperator], heights: Sequence[int]) -> dict[int, int]:
    """Count the rows that line buffers have to hold.

    Args:
        operators: Of a segment, see `steps`.
        heights: Rows of each tensor.

    Returns:
        Rows by tensor, for the tensors that are made in the segment: at the moment that a row is made, from the first row that
        some reader in the segment still reads, to the new one.
    """
    readers: dict[int, list[int]] = {op.output: [] for op in operators if op.output >= 0}
    for place, op in enumerate(operators):
        for i in op.inputs:
            if i in readers:
                readers[i].append(place)
    counts = [0] * len(operators)
    out = dict.fromkeys(readers, 1)
    for place, row in steps(operators, heights):
        tensor = operators[place].output
        if tensor >= 0:
            needed = [operators[p].first(counts[p]) for p in readers[tensor] if counts[p] < operators[p].rows]
            out[tensor] = max(out[tensor], row - min([row, *needed]) + 1)
        counts[place] += 1
    return out
