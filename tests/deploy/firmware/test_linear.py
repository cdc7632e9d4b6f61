"""Linear forms of sums are equal to TensorFlow Lite's for all operands; the kernels' rounding in Python is the C kernels'."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hwasc.deploy.firmware.linear import exact_sum, linear_average, linear_sum, requantized
from hwasc.deploy.firmware.packing import integer_scale


def rounded_as_published(value: int, real: float) -> int:
    """gemmlowp's two roundings, literally: halves away from zero after the shift, up before it."""
    multiplier, shift = integer_scale(real)
    product = (value << max(shift, 0)) * multiplier
    nudge = 1 << 30 if product >= 0 else 1 - (1 << 30)
    high = abs(product + nudge) >> 31
    high = high if product + nudge >= 0 else -high  # divided with truncation
    if shift >= 0:
        return high
    mask = (1 << -shift) - 1
    return (high >> -shift) + ((high & mask) > (mask >> 1) + (high < 0))


def test_rounding_is_gemmlowps() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        value, real = rng.randint(-(2**20), 2**20), 2 ** rng.uniform(-16, 3)
        assert requantized(np.array([value]), real)[0] == rounded_as_published(value, real)


@pytest.mark.parametrize("zeros", [(-128, -128, -128), (-128, 0, -128), (0, 0, 0), (-128, 0, 0)])
def test_linear_sums_are_equal_for_all_operands(zeros: tuple[int, int, int]) -> None:
    rng = random.Random(2)
    x = np.arange(-128, 128, dtype=np.int64)
    for _ in range(4):
        a, b = 2 ** rng.uniform(-6, -3), 2 ** rng.uniform(-6, -3)
        scales = a, b, max(a, b) * 2 ** rng.uniform(-0.5, 1)
        form = linear_sum(scales, zeros)
        assert form is not None
        sums = x[:, None] * form.a + x[None, :] * form.b + form.offset
        assert np.abs(sums).max() < 2**31
        assert np.array_equal(np.clip(sums >> form.shift, -128, 127), np.clip(exact_sum(scales, zeros), -128, 127))


def test_a_sum_beyond_the_form_has_none() -> None:
    assert linear_sum((1.0, 1.0, 2.0**-20), (0, 0, 0)) is None


@pytest.mark.parametrize("zero", [0, -128])
def test_torchs_average_is_a_ninth_of_the_sum(zero: int) -> None:
    form = linear_average(float(np.float32(1 / (127 * 9))), zero, 9)
    sums = np.arange(-255 * 9, 255 * 9 + 1)
    found = np.clip((sums * form.a + form.offset) >> form.shift, -128, 127) - zero
    assert np.array_equal(found, np.clip(np.sign(sums) * ((np.abs(sums) + 4) // 9), -128 - zero, 127 - zero))
