"""How the chip's integer kernels round, so that the fake-quantized student can be evaluated as it will run.

A kernel scales its sum by m x 2**-shift, m in [0.5, 1): it rounds after the product with m and again after the shift (gemmlowp's
fixed-point multiplication, the default of TensorFlow Lite Micro and CMSIS-NN). Halves go away from zero.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def shift_of(factor: Tensor) -> Tensor:
    """The right shift (bits) of the kernels' multiplier for a real factor: input step x weight step / output step."""
    exponents = np.frexp(factor.detach().cpu().double().numpy())[1]  # numpy: a constant for a traced export
    return torch.as_tensor(np.maximum(-exponents, 0), device=factor.device)


def shift_of_mean(factor: float, elements: int) -> int:
    """The same for a mean of so many elements, whose division is part of the multiplier; factor: input step / output step."""
    exponent = math.frexp(factor)[1]
    return max(min(elements.bit_length() - 1, 32, 31 + exponent) - exponent, 0)


def round_first(value: Tensor, step: Tensor, shift: Tensor | int) -> Tensor:
    """`value` rounded to 2**-shift of a step, halves moved a little away from zero: what is left to the output's quantizer."""
    fine = step * 2.0 ** -torch.as_tensor(shift, dtype=value.dtype, device=value.device)
    first = torch.floor(value / fine + 0.5)
    return (first + 0.25 * torch.sign(first)) * fine
