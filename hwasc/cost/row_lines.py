"""Line buffers: how many rows of a tensor a segment holds, and whether they are alive only for a moment.

The engine runs the last operator that is ready (see `row_steps`). So whenever a tensor's row is made, everything after it has
run as far as it can, and what a stretch of operators holds depends on nothing but the stretch. Stretches of the same geometry
are counted once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

LONG, STEP = 32, 16  # taller maps are counted at a height that is less by a multiple of STEP: the pattern repeats


class LineOperator(NamedTuple):
    """A row operator of a stretch.

    Attributes:
        inputs: Numbers of the tensors of the stretch that it reads: 0 is the source, k the output of operator k (from 1).
        rows: How many it makes.
        kernel: Rows of the window.
        stride: Rows from one window to the next.
        pad: Rows of the first window outside of the map.
        leaves: Whether what runs after the stretch reads its output.
    """

    inputs: tuple[int, ...]
    rows: int
    kernel: int
    stride: int
    pad: int
    leaves: bool


class Line(NamedTuple):
    """What a stretch holds of a tensor.

    Attributes:
        held: Rows.
        stays: Whether a row is alive while operators run that come before its maker or after its last reader.
    """

    held: int
    stays: bool


def lines(source: int, operators: tuple[LineOperator, ...]) -> tuple[Line, ...]:
    """Count the rows that a stretch of operators holds.

    Args:
        source: Rows of the tensor through which the stretch gets its input, as they are made; 0: there is none.
        operators: In order. What they read beside tensors of the stretch is complete.

    Returns:
        The source's line, then that of each operator's output.
    """
    if source and len(operators) == 1:
        return (_window(source, operators[0]), Line(1, stays=False))
    return _stretch(*_shorter(source, operators))


def _window(height: int, op: LineOperator) -> Line:
    """The line of a source with one reader: its window, unless the map is too low for a whole one."""
    first = -(-op.pad // op.stride) * op.stride - op.pad
    if first + op.kernel <= height:
        return Line(op.kernel, stays=op.kernel > 1)
    return _stretch(height, (op,))[0]


def _shorter(source: int, operators: tuple[LineOperator, ...]) -> tuple[int, tuple[LineOperator, ...]]:
    """The same stretch on lower maps, where one source feeds all operators: it holds as many rows."""
    height = source or operators[0].rows * operators[0].stride
    less = (height - LONG + STEP) // STEP * STEP if height > LONG else 0
    strides = [1]
    out = []
    for k, op in enumerate(operators):
        if not op.inputs and (source or k):
            return source, operators  # a second source: it runs to its end first
        stride = (max(strides[i] for i in op.inputs) if op.inputs else 1) * op.stride
        strides.append(stride)
        if less % stride or op.rows - less // stride < 4:
            return source, operators
        out.append(op._replace(rows=op.rows - less // stride))
    return (source - less if source else 0), tuple(out)


@lru_cache(maxsize=1 << 16)
def _stretch(source: int, operators: tuple[LineOperator, ...]) -> tuple[Line, ...]:
    """Run the engine's policy on a stretch."""
    count = len(operators) + 1
    heights = [source, *(op.rows for op in operators)]
    readers: list[list[int]] = [[] for _ in range(count)]
    for place, op in enumerate(operators, 1):
        for i in op.inputs:
            readers[i].append(place)
    made, held, stays = [0] * count, [1] * count, [False] * count

    def ready(place: int) -> bool:
        if made[place] >= heights[place]:
            return False
        if place == 0:
            return True
        op = operators[place - 1]
        last = made[place] * op.stride - op.pad + op.kernel
        return all(made[i] >= min(heights[i], last) for i in op.inputs)

    def lowest(tensor: int) -> int:
        """The first row that a reader still reads."""
        out = heights[tensor]
        for place in readers[tensor]:
            op = operators[place - 1]
            if made[place] < op.rows:
                out = min(out, max(0, made[place] * op.stride - op.pad))
        return out

    for _ in range(sum(heights)):
        place = next(p for p in range(count - 1, -1, -1) if ready(p))
        held[place] = max(held[place], made[place] - lowest(place) + 1)
        for tensor in range(count):  # alive while another operator runs
            if tensor != place and lowest(tensor) < made[tensor] and not tensor <= place <= max(readers[tensor]):
                stays[tensor] = True
        made[place] += 1
        if place and operators[place - 1].leaves:  # what comes after the stretch runs now
            for tensor in range(count):
                stays[tensor] = stays[tensor] or (tensor != place and lowest(tensor) < made[tensor])
    return tuple(Line(h, s or h > 1) for h, s in zip(held, stays, strict=True))
