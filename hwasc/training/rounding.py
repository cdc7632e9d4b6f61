"""Rounding of the chip's integer kernels, so that the fake-quantized student is evaluated as it will run.

A kernel scales its sum by m x 2**-shift, m in [0.5, 1): it rounds after the product with m and again after the shift (gemmlowp's
fixed-point multiplication, the default of TensorFlow Lite Micro and CMSIS-NN). Halves go away from zero.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def shift_of(factor: Tensor) -> Tensor:
    """Compute the right shift of the kernels' fixed-point multiplier.

    Args:
        factor: Real factor: input step x weight step / output step, of any shape.

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
    return max(min(elements.bit_length() - 1, 32, 31 + exponent) - exponent, 0)


def round_first(value: Tensor, step: Tensor, shift: Tensor | int) -> Tensor:
    """Round as after the product with the multiplier; the output's quantizer does the second rounding.

    Args:
        value: Real values.
        step: Step of the output.
        shift: Right shift of the multiplier, in bits.

    Returns:
        The values rounded to 2**-shift of a step, halves moved a little away from zero.
    """
    fine = step * 2.0 ** -torch.as_tensor(shift, dtype=value.dtype, device=value.device)
    first = torch.floor(value / fine + 0.5)
    return (first + 0.25 * torch.sign(first)) * fine
