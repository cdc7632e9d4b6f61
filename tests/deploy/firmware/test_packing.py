"""The order of weights in flash, the folded bias, and scales as integers."""

from __future__ import annotations

import numpy as np
import pytest

from hwasc.deploy.firmware.packing import fold_zero, integer_scale, largest_sums, pack


def test_rows_of_a_kernel_are_mels_or_frames() -> None:
    weights = np.arange(2 * 3 * 3 * 1, dtype=np.int8).reshape(2, 3, 3, 1)  # three mels, one frame
    by_mels = pack(weights, depthwise=False, axis="mels").reshape(2, 3, 1, 3)
    by_frames = pack(weights, depthwise=False, axis="frames").reshape(2, 1, 3, 3)
    assert by_mels[1, 2, 0, 1] == by_frames[1, 0, 2, 1] == weights[1, 1, 2, 0]


def test_a_depthwise_kernel_has_its_channels_together() -> None:
    weights = np.arange(4 * 9, dtype=np.int8).reshape(4, 1, 3, 3)
    packed = pack(weights, depthwise=True, axis="mels")
    assert packed.dtype == np.int8 and packed.shape == (36,)
    assert packed.reshape(3, 3, 4)[2, 1, 3] == weights[3, 0, 2, 1]


def test_a_constant_input_gives_the_plain_bias() -> None:
    random = np.random.default_rng(0)
    weights, bias = random.integers(-127, 128, (5, 7, 3, 3)), random.integers(-1000, 1000, 5)
    folded = fold_zero(bias, weights, -128)
    assert np.array_equal(folded + (np.full((7, 3, 3), -128) * weights).sum((1, 2, 3)), bias)
    worst = np.where(weights > 0, 127, -128)
    assert np.all(np.abs(folded + (worst * weights).sum((1, 2, 3))) <= largest_sums(folded, weights))


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.0, 3.9, 2**-31, 0.0123, 1e-7, 1 - 2**-40, 0.0])
def test_scales_as_integers(scale: float) -> None:
    multiplier, shift = integer_scale(scale)
    assert multiplier == 0 or 2**30 <= multiplier < 2**31
    assert multiplier * 2.0 ** (shift - 31) == pytest.approx(scale, rel=2**-30)


def test_a_scale_below_the_least_is_zero() -> None:
    assert integer_scale(2.0**-34) == (0, 0)
