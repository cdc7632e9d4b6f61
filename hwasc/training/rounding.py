"""The arithmetic of the chip's integer kernels on whole numbers, so that the int8 student is evaluated as it will run.

Kernels scale by fixed-point multipliers (gemmlowp's, the default of TensorFlow Lite Micro and CMSIS-NN): a factor is
m x 2**-shift with m in [0.5, 1) of 31 bits; they round after the product with m, and again after the shift, halves away from
zero. Here whole numbers are float64: it holds a product of an int32 sum below 2**22 and a multiplier exactly.
Sources: TensorFlow Lite Micro's `kernels/` and the reference kernels of LiteRT (`kernels/internal/reference`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hwasc.training.newton import LEVELS, MANTISSA, ROOT_BITS, reciprocals, roots

ADD_BITS = 20  # the ADD kernel works in 2**-20 of twice the larger step
OUTWARD = 1 + 2.0**-40  # moves halves away from zero, and no other number that the first rounding leaves over a half


def shift_of(factor: Tensor) -> Tensor:
    """Compute the right shift of the kernels' fixed-point multiplier.

    Args:
        factor: Real factor, float64: input step x weight step / output step, of any shape.

    Returns:
        Bits, of the same shape.
    """
    exponents = np.frexp(factor.detach().cpu().double().numpy())[1]  # numpy: a constant for a traced export
    return torch.as_tensor(np.maximum(-exponents, 0), device=factor.device)


def shift_of_mean(factor: float, elements: int) -> int:
    """Compute the right shift for a mean, whose division is part of the multiplier.

    Args:
        factor: Input step / output step.
        elements: Number of elements that the mean is over.

    Returns:
        Bits.
    """
    exponent = math.frexp(factor)[1]
    return max(_bits_of_mean(exponent, elements) - exponent, 0)


def _bits_of_mean(exponent: int, elements: int) -> int:
    return min(elements.bit_length() - 1, 32, MANTISSA + exponent)


@dataclass(frozen=True)
class Multiplier:
    """A kernel's fixed-point multiplier.

    Attributes:
        first: The factor before the first rounding, (1, channels or 1, 1, 1).
        second: The factor before the second, a power of two.
    """

    first: Tensor
    second: Tensor

    @classmethod
    def of(cls, factor: np.ndarray | float, x: Tensor, more: int = 0) -> Multiplier:
        """The multiplier of real factors.

        Args:
            factor: One, or one for each channel.
            x: A tensor on the device where the multiplier is used.
            more: Bits by which the kernel shifts further to the right (negative: less).

        Returns:
            The multiplier.
        """
        mantissa, exponent = np.frexp(np.asarray(factor, np.float64).reshape(1, -1, 1, 1))
        return cls._from(np.floor(mantissa * 2.0**MANTISSA + 0.5), exponent - more, x)

    @classmethod
    def of_mean(cls, factor: float, elements: int, x: Tensor) -> Multiplier:
        """The multiplier that turns a sum into a mean: the division by the number of elements is part of it, cut off.

        Args:
            factor: Input step / output step.
            elements: Number of elements in the sum.
            x: A tensor on the device where the multiplier is used.

        Returns:
            The multiplier.
        """
        mantissa, exponent = math.frexp(factor)
        fixed = math.floor(mantissa * 2.0**MANTISSA + 0.5)
        if fixed == 1 << MANTISSA:
            fixed, exponent = fixed // 2, exponent + 1
        bits = _bits_of_mean(exponent, elements)
        return cls._from(np.full((1, 1, 1, 1), float((fixed << bits) // elements)), np.array(exponent - bits), x)

    @classmethod
    def _from(cls, fixed: np.ndarray, exponent: np.ndarray, x: Tensor) -> Multiplier:
        """Of 31-bit numbers; one that was rounded up to 2**31 is half of it with one more in the exponent.

        The powers of two are numpy's, so that a traced export has constants.
        """
        over = fixed >= 2.0**MANTISSA
        fixed, exponent = np.where(over, fixed / 2, fixed), exponent + over
        first = fixed * 2.0 ** (np.maximum(exponent, 0) - MANTISSA)
        return cls(_like(first, x), _like(2.0 ** np.minimum(exponent, 0), x))

    def __call__(self, total: Tensor, bias: Tensor | None = None) -> Tensor:
        """Scale sums.

        Args:
            total: Whole numbers.
            bias: Whole numbers that are added to them before, (1, channels, 1, 1) in `wide` precision.

        Returns:
            Whole numbers, a new tensor.
        """
        shift = 0.5 if bias is None else bias * self.first + 0.5
        first = (total.double().mul_(self.first) if _made_wider(total) else total * self.first).add_(shift)
        first = first.floor_()
        return first.mul_(self.second * OUTWARD).round_()


def wide(x: Tensor) -> Tensor:
    """In float64; in float32 where the device has no other (Apple's MPS), which is not always exact."""
    return x if x.device.type == "mps" else x.double()


def _made_wider(x: Tensor) -> bool:
    return x.dtype != torch.float64 and x.device.type != "mps" and x.dim() == 4


def _like(values: np.ndarray, x: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32 if x.device.type == "mps" else torch.float64, device=x.device)


def added(a: Tensor, b: Tensor, steps: tuple[float, float, float]) -> Tensor:
    """Add as the ADD kernel does: both operands scaled to 2**-20 of twice the larger step, the sum scaled again.

    Args:
        a: Whole numbers.
        b: Whole numbers of the same shape, or broadcast.
        steps: Of a, b and the result.

    Returns:
        Whole numbers.
    """
    twice = 2 * max(steps[0], steps[1])
    left, right = (
        Multiplier.of(step / twice, x)(wide(x) * 2.0**ADD_BITS) for x, step in ((a, steps[0]), (b, steps[1]))
    )
    return Multiplier.of(twice / (2.0**ADD_BITS * steps[2]), a)(left + right)


def divided(a: Tensor, b: Tensor, steps: tuple[float, float, float]) -> Tensor:
    """Divide as the DIV kernel does: by a product with the divisor's reciprocal, which is 31 bits of Newton's iteration.

    Where a's step is less than 64 times the product of the two others, the kernel shifts small numbers by more than 31 bits,
    which C does not define; here they are rounded.

    Args:
        a: Whole numbers from 0 to 255.
        b: Whole numbers from 1 to 255, of the same shape, or broadcast.
        steps: Of a, b and the result.

    Returns:
        Whole numbers.
    """
    inverses, halvings = (_like(np.array(column, np.float64), a) for column in zip(*reciprocals(), strict=True))
    bits = _like(np.array([2.0 ** (MANTISSA - n.bit_length()) for n in range(LEVELS)]), a)
    divisor, room = _index(b), bits[_index(a)]
    quotient = (wide(a) * room * (inverses[divisor] * 2.0**-MANTISSA)).add_(0.5).floor_()
    by = Multiplier.of(
        steps[0] / (steps[1] * steps[2]), a, MANTISSA
    )  # all of its power of two after the first rounding
    first = (quotient * by.first).add_(0.5).floor_()
    return (first * (by.second * (2.0**MANTISSA * OUTWARD) * halvings[divisor] / room)).round_()


def reciprocal_root(x: Tensor, steps: tuple[float, float]) -> Tensor:
    """Compute 1 / sqrt(x) as the RSQRT kernel does, from 20 bits of Newton's iteration.

    Args:
        x: Whole numbers from 1 to 255.
        steps: Of x and the result.

    Returns:
        Whole numbers.
    """
    found = _like(np.array(roots(), np.float64), x)[_index(x)]
    return Multiplier.of(1 / (math.sqrt(steps[0]) * steps[1]), x, ROOT_BITS)(found)


def _index(x: Tensor) -> Tensor:
    """Where a table has a number; clamped, for an export's preparation passes numbers that are not clamped yet."""
    return x.clamp(0, LEVELS - 1).long()
