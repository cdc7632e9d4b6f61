"""Sums with one multiplication an operand, equal for all stored numbers to TensorFlow Lite's, which round six times.

A sum of two int8 numbers has 65,536 possible pairs of operands. If (x * a + y * b + offset) >> shift, cut off at -128 and 127, is
right for each of them, it may take the place of TensorFlow Lite's steps. Whole numbers a, b and offset near the real factors are
searched. The same holds for torch's average, which is a function of one sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwasc.deploy.firmware.packing import integer_scale

SUM_BITS = 20  # that TensorFlow Lite's addition shifts its operands by
POOL_WEIGHT = 127  # of torch's average in the file, see `deploy.constants`
REACH = 8  # of the search, in units of a and b
TIGHT = 400  # conditions that the search looks at; all of them are checked in the end


@dataclass(frozen=True)
class Linear:
    """out = (x * a + y * b + offset) >> shift, cut off at -128 and 127.

    Attributes:
        a: Factor of the first stored number.
        b: Factor of the second one.
        offset: Zero points, and half a step for rounding.
        shift: Bits to the right.
    """

    a: int
    b: int
    offset: int
    shift: int


def requantized(values: np.ndarray, real: float) -> np.ndarray:
    """Multiply whole numbers by a real factor as the kernels do (`scene_requantize`).

    Args:
        values: int64, within int32, also after a shift to the left.
        real: The factor.

    Returns:
        int64.
    """
    multiplier, shift = integer_scale(real)
    high = ((values << max(shift, 0)) * multiplier + (1 << 30)) >> 31
    if shift >= 0:
        return high
    return (high + (1 << (-shift - 1)) - (high < 0)) >> -shift


def exact_sum(scales: tuple[float, float, float], zeros: tuple[int, int, int]) -> np.ndarray:
    """TensorFlow Lite's sum for all operands.

    Args:
        scales: Of the first operand, the second, and the output.
        zeros: Their zero points.

    Returns:
        int64 (256, 256): the output before it is cut off, by the operands from -128 on.
    """
    stored = np.arange(-128, 128, dtype=np.int64)
    twice = 2 * max(scales[:2])
    x, y = (requantized((stored - zeros[i]) << SUM_BITS, scales[i] / twice) for i in (0, 1))
    return requantized(x[:, None] + y[None, :], twice / (2**SUM_BITS * scales[2])) + zeros[2]


def linear_sum(scales: tuple[float, float, float], zeros: tuple[int, int, int]) -> Linear | None:
    """Find a linear form of a sum.

    Args:
        scales: Of the first operand, the second, and the output.
        zeros: Their zero points.

    Returns:
        A form that is equal to the sum for all operands; None: none was found.
    """
    out = np.clip(exact_sum(scales, zeros), -128, 127).ravel()
    stored = np.arange(-128, 128, dtype=np.int64)
    x, y = np.repeat(stored, 256), np.tile(stored, 256)
    ratios = scales[0] / scales[2], scales[1] / scales[2]
    # the largest shift with which no sum leaves int32
    shift = 31 - int(np.ceil(np.log2(255 * (ratios[0] + ratios[1]) + 129)))
    if not 8 <= shift <= 30:
        return None
    a, b = (round(r * 2**shift) for r in ratios)
    offset = (1 << (shift - 1)) + (zeros[2] << shift) - round((zeros[0] * ratios[0] + zeros[1] * ratios[1]) * 2**shift)
    # the sum has to be at least `low` where the output is above -128, and below `high` where it is below 127
    low = np.where(out > -128, out << shift, -(2**62))
    high = np.where(out < 127, (out + 1) << shift, 2**62)
    room = x * a + y * b + offset
    tight = np.unique(
        np.concatenate([np.argpartition(room - low, TIGHT)[:TIGHT], np.argpartition(high - room, TIGHT)[:TIGHT]])
    )
    steps = np.arange(-REACH, REACH + 1)
    i, j = (v.ravel() for v in np.meshgrid(steps, steps))
    moved = x[tight] * (a + i[:, None]) + y[tight] * (b + j[:, None])
    least, most = (low[tight] - moved).max(1), (high[tight] - 1 - moved).min(1)
    for k in np.argsort(least - most)[:TIGHT]:
        if least[k] > most[k]:
            return None
        found = Linear(a + int(i[k]), b + int(j[k]), int(least[k] + most[k]) // 2, shift)
        first = x * found.a + found.offset
        sums = first + y * found.b
        if (sums >= low).all() and (sums < high).all() and max(np.abs(first).max(), np.abs(sums).max()) < 2**31:
            return found
    return None


def linear_average(real: float, zero: int, cells: int) -> Linear:
    """Find a linear form of torch's average, which is a convolution with equal weights.

    Args:
        real: Its factor: input scale x weight scale / output scale.
        zero: Zero point of input and output.
        cells: Of the window.

    Returns:
        A form that is equal to the convolution for all sums of (x - zero); `b` has no meaning.
    """
    sums = np.arange(-255 * cells, 255 * cells + 1, dtype=np.int64)
    out = np.clip(requantized(sums * POOL_WEIGHT, real) + zero, -128, 127)
    for shift in range(18, 9, -1):
        a = round(real * POOL_WEIGHT * 2**shift)
        low = np.where(out > -128, out << shift, -(2**62)) - sums * a
        high = np.where(out < 127, ((out + 1) << shift) - 1, 2**62) - sums * a
        if low.max() <= high.min() and 255 * cells * a + 2**31 // 4 < 2**31:
            return Linear(a, 0, int(low.max() + high.min()) // 2, shift)
    raise ValueError(f"no linear form of an average of {cells} cells with the factor {real}")
