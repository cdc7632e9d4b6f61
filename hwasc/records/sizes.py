"""Bounds on the size of a student, far beyond any microcontroller: a file that names a larger one is a mistake, or harmful.

The largest microcontrollers have some MB of RAM and flash, and CP-Mobile has 0.13 M parameters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hwasc.records.blocks.units import INPUT, Conv, DepthwiseConv, Pool, Unit, pair

BLOCKS = 200
CLASSES = 10_000
CHANNELS = 65_536
KERNEL = 255
PARAMETERS = 100_000_000
CELLS = 1 << 26  # of the largest map; one byte each in int8
MACS = 100_000_000_000  # of a clip


@dataclass(frozen=True, kw_only=True)
class Size:
    """What the convolutions of a student come to, without building it. Units of other packages count as nothing.

    Attributes:
        weights: Of all kernels.
        cells: Of the largest map.
        macs: Multiply-accumulates of a clip.
    """

    weights: int
    cells: int
    macs: int


def size_of(program: Sequence[Unit], mels: int, frames: int) -> Size:
    """Add up a student's convolutions.

    Args:
        program: Its units in order.
        mels: Mel bands of the log-mel.
        frames: Frames of the log-mel.

    Returns:
        The sums.

    Raises:
        ValueError: A unit has an impossible number of channels or kernel.
    """
    maps = {INPUT: (1, mels, frames)}
    weights = cells = macs = 0
    for unit in program:
        inputs, rows, columns = maps[unit.inputs[0]]
        channels = unit.width(*(maps[i][0] for i in unit.inputs))
        if not 1 <= channels <= CHANNELS:
            raise ValueError(f"{unit.name}: expected 1 to {CHANNELS:,} channels, found {channels:,}")
        if isinstance(unit, (Conv, DepthwiseConv, Pool)):
            rows, columns = (-(-m // s) for m, s in zip((rows, columns), unit.stride, strict=True))
        if isinstance(unit, (Conv, DepthwiseConv)):
            window = pair(unit.kernel)
            if not all(1 <= k <= KERNEL for k in window):
                raise ValueError(f"{unit.name}: expected a kernel of 1 to {KERNEL}, found {max(window)}")
            here = channels * math.prod(window) * (inputs if isinstance(unit, Conv) else 1)
            weights += here
            macs += here * rows * columns
        maps[unit.name] = (channels, rows, columns)
        cells = max(cells, channels * rows * columns)
    return Size(weights=weights, cells=cells, macs=macs)


def check_size(size: Size) -> None:
    """Compare a student with the bounds. ValueError where it is beyond one."""
    for found, bound, what in (
        (size.weights, PARAMETERS, "weights"),
        (size.cells, CELLS, "numbers in its largest map"),
        (size.macs, MACS, "MACs of a clip"),
    ):
        if found > bound:
            raise ValueError(f"has {found:,} {what}, no microcontroller's net; hwasc takes at most {bound:,}")
