"""The kernels' two roundings against their own integer arithmetic (gemmlowp's fixed-point multiplication), to the unit."""

from __future__ import annotations

import math
import random

import pytest
import torch

from hwasc.training.rounding import round_first, shift_of, shift_of_mean


def high_multiply(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul of two int32."""
    product = a * b
    nudged = product + ((1 << 30) if product >= 0 else 1 - (1 << 30))
    return int(math.copysign(abs(nudged) >> 31, nudged))  # C++ division truncates


def shift_right(x: int, bits: int) -> int:
    """RoundingDivideByPOT: halves away from zero."""
    mask = (1 << bits) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> bits) + (1 if (x & mask) > threshold else 0)


def kernel(total: int, factor: float) -> int:
    """MultiplyByQuantizedMultiplier with the multiplier of a real factor."""
    mantissa, exponent = math.frexp(factor)
    return shift_right(high_multiply(total * (1 << max(exponent, 0)), round(mantissa * 2**31)), max(-exponent, 0))


@pytest.mark.parametrize("factor", [0.3, 0.0085, 1 / 127, 0.126, 1.618, 0.00071, 0.5])
def test_products_round_as_the_kernels_do(factor: float) -> None:
    rng, step = random.Random(0), 1 / 32
    most = int(300 / factor)
    totals = [rng.randint(-most, most) for _ in range(3000)]
    shift = shift_of(torch.tensor(factor))
    ours = torch.round(round_first(torch.tensor(totals) * (factor * step), torch.tensor(step), shift) / step).int()
    theirs = torch.tensor([kernel(t, factor) for t in totals])
    plain = torch.round(torch.tensor(totals) * factor).int()
    assert (ours != theirs).float().mean() < 0.001
    assert (plain != theirs).float().mean() >= (ours != theirs).float().mean()


@pytest.mark.parametrize(("factor", "elements"), [(6.3, 50), (0.9, 7), (1.0, 1), (25.0, 1000), (0.4, 64)])
def test_means_fold_their_division_into_the_multiplier(factor: float, elements: int) -> None:
    mantissa, exponent = math.frexp(factor)
    more = min(elements.bit_length() - 1, 32, 31 + exponent)
    multiplier, shift = (round(mantissa * 2**31) << more) // elements, exponent - more
    rng, step = random.Random(1), 0.02
    totals = [rng.randint(-128 * elements, 128 * elements) for _ in range(2000)]
    totals = [t for t in totals if abs(t * factor / elements) < 300]
    theirs = torch.tensor(
        [shift_right(high_multiply(t * (1 << max(shift, 0)), multiplier), max(-shift, 0)) for t in totals]
    )
    value = torch.tensor(totals) / elements * (factor * step)
    ours = torch.round(round_first(value, torch.tensor(step), shift_of_mean(factor, elements)) / step).int()
    assert (ours != theirs).float().mean() < 0.002
