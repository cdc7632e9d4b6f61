"""Weights in the order in which the firmware's kernels read them, and scales as integers; no byte is added."""

from __future__ import annotations

import math

import numpy as np

from hwasc.cost.row_plan import Axis


def pack(weights: np.ndarray, *, depthwise: bool, axis: Axis) -> np.ndarray:
    """Order the weights of a convolution as they lie in flash.

    Args:
        weights: int8 (out, in / groups, mels, frames), as torch holds them.
        depthwise: Whether each channel is convolved by itself.
        axis: What a row of the maps is one step of, see `RowPlan`: with `frames`, kernels are transposed.

    Returns:
        int8, flat: (out, rows, columns, in), of a depthwise convolution (rows, columns, channels).
    """
    if axis == "frames":
        weights = weights.swapaxes(2, 3)
    order = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
    return np.ascontiguousarray(weights.transpose(order)).astype(np.int8, casting="same_kind").reshape(-1)


def fold_zero(bias: np.ndarray, weights: np.ndarray, zero_point: int) -> np.ndarray:
    """Fold the input's zero point into the bias, so that kernels multiply stored numbers.

    Args:
        bias: int32 (out,).
        weights: int8 (out, in / groups, mels, frames).
        zero_point: Of the input.

    Returns:
        int64 (out,): bias - zero_point * sum of the channel's weights.
    """
    return np.asarray(bias, np.int64) - zero_point * weights.astype(np.int64).sum((1, 2, 3))


def largest_sums(bias: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Bound the kernels' sums, which must stay below 2^30.

    Args:
        bias: With the zero point folded in, (out,).
        weights: int8 (out, in / groups, mels, frames).

    Returns:
        int64 (out,): the largest amount that a sum can have for any int8 input.
    """
    return np.abs(np.asarray(bias, np.int64)) + 128 * np.abs(weights.astype(np.int64)).sum((1, 2, 3))


def integer_scale(scale: float) -> tuple[int, int]:
    """Write a real factor as TensorFlow Lite does (QuantizeMultiplier): multiplier * 2^(shift - 31).

    Args:
        scale: 0 or more.

    Returns:
        The multiplier, 0 or 2^30 .. 2^31 - 1, and the shift, to the left where it is positive.
    """
    if scale == 0:
        return 0, 0
    fraction, shift = math.frexp(scale)
    multiplier = math.floor(fraction * 2**31 + 0.5)  # as TFLite's round: halves away from zero
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)
