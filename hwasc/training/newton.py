"""The kernels' reciprocals and reciprocal roots of stored numbers: Newton's iteration in 32-bit integers, as tables.

Sources: gemmlowp's fixedpoint.h, and `GetReciprocal` and `GetInvSqrtQuantizedMultiplierExp` of TensorFlow Lite Micro.
"""

from __future__ import annotations

import functools

MANTISSA = 31  # bits of a multiplier
ROOT_BITS = 20  # the RSQRT kernel's reciprocal root of a stored number has so many fractional bits
LEVELS = 256  # stored numbers


def high_product(a: int, b: int) -> int:
    """The upper half of twice a product, halves upwards (gemmlowp's SaturatingRoundingDoublingHighMul).

    Args:
        a: Of 32 bits.
        b: Of 32 bits.

    Returns:
        Of 32 bits.
    """
    return min((a * b + (1 << (MANTISSA - 1))) >> MANTISSA, 2**MANTISSA - 1)


def halved(x: int, bits: int) -> int:
    """A number divided by a power of two, halves away from zero (gemmlowp's RoundingDivideByPOT).

    Args:
        x: The number.
        bits: Of the power; negative: multiplied.

    Returns:
        The quotient.
    """
    return (x + (1 << bits >> 1) - (x < 0)) >> bits if bits > 0 else x << -bits


@functools.cache
def reciprocals() -> tuple[tuple[int, float], ...]:
    """For each divisor: 2**31 / (its mantissa in [1, 2)), and 2**-exponent (GetReciprocal)."""
    found = [(0, 1.0)]
    for divisor in range(1, LEVELS):
        exponent = divisor.bit_length() - 1
        half = divisor << (MANTISSA - 1 - exponent)  # of the mantissa, 31 bits behind the point
        x = 1515870810 + high_product(half, -1010580540)  # 48/17 - 32/17 x half, 29 bits behind the point
        for _ in range(3):
            x += high_product(x, (1 << 29) - high_product(half, x)) << 2
        found.append((min(x << 1, 2**MANTISSA - 1), 2.0**-exponent))
    return tuple(found)


@functools.cache
def roots() -> tuple[int, ...]:
    """For each number its reciprocal root times 2**20 (GetInvSqrtQuantizedMultiplierExp, and the product with one)."""
    found = [0, 1 << ROOT_BITS]
    for number in range(2, LEVELS):
        pairs = (31 - number.bit_length()) // 2 - 1
        half = halved(number << (2 * pairs) >> 1, 1)
        x = 1 << 28
        for _ in range(5):  # three bits before the point, 28 behind it
            cube = _saturated(high_product(high_product(x, x), x), 6)
            x = _saturated(high_product((1 << 28) + (1 << 27), x) - high_product(half, cube), 3)
        root, shift = high_product(x, 1518500250), 11 - pairs  # times sqrt(2) / 2
        if shift < 0:
            root, shift = root << -shift, 0
        found.append(high_product(1 << (ROOT_BITS - shift), root))
    return tuple(found)


def _saturated(x: int, bits: int) -> int:
    """Saturating left shift of a 32-bit number."""
    return max(min(x << bits, 2**MANTISSA - 1), -(2**MANTISSA))
