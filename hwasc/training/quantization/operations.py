"""Means, products and sums of quant tensors; in evaluation with the chip's arithmetic, on whole numbers."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from brevitas.quant_tensor import QuantTensor

from hwasc.training.quantization.activations import Frozen, real, step_of
from hwasc.training.rounding import Multiplier, added, wide

EXACT = 2**24  # float32 holds every whole number up to it


def rounds_as_chip(module: nn.Module, *inputs: Any) -> bool:
    """Whether the kernels' own rounding applies: evaluated (neither trained nor calibrated), with scales known."""
    return not module.training and all(isinstance(x, QuantTensor) for x in inputs)


def number(step: Tensor) -> float:
    """A scale as a number of double precision, as the kernels compute with it."""
    return float(step.detach())


def whole(x: Any) -> Tensor:
    """The stored numbers of a quant tensor, without the zero point.

    Args:
        x: Quant tensor.

    Returns:
        Whole numbers, float32.
    """
    return torch.div(x.value, x.scale).round_()


def stored(act: Any, result: Tensor) -> Any:
    """Clamp a kernel's result.

    Args:
        act: The quantizer of the result.
        result: Whole numbers, changed in place.

    Returns:
        Quant tensor.
    """
    return act.hold(result) if isinstance(act, Frozen) else act(result.float() * step_of(act))


def _sum_over(x: Tensor, dims: tuple[int, ...], elements: int) -> Tensor:
    return (x if elements * 255 < EXACT else wide(x)).sum(dims, keepdim=True)


def quantized_mean(x: Any, dims: tuple[int, ...], act: Any) -> Any:
    """A mean, quantized, and in evaluation rounded as the chip's kernel does.

    Args:
        x: Quant tensor (B, C, F, T).
        dims: The axes of the mean; they stay, with one element.
        act: The quantizer of the result.

    Returns:
        Quant tensor.
    """
    if not rounds_as_chip(act, x):
        return act(real(x).mean(dims, keepdim=True))
    elements = math.prod(int(real(x).shape[d]) for d in dims)
    by = Multiplier.of_mean(number(x.scale) / number(step_of(act)), elements, x.value)
    return stored(act, by(_sum_over(whole(x), dims, elements)))


def quantized_product(a: Any, b: Any, act: Any) -> Any:
    """An elementwise product, quantized, and in evaluation rounded as the chip's kernel does.

    Args:
        a: Quant tensor (B, C, F, T).
        b: Quant tensor of the same shape, or broadcast.
        act: The quantizer of the result.

    Returns:
        Quant tensor.
    """
    if not rounds_as_chip(act, a, b):
        return act(real(a) * real(b))
    by = Multiplier.of(number(a.scale) * number(b.scale) / number(step_of(act)), a.value)
    return stored(act, by(whole(a) * whole(b)))


def quantized_sum(a: Any, b: Any, act: Any) -> Any:
    """An elementwise sum, quantized, and in evaluation rounded as the chip's kernel does.

    Args:
        a: Quant tensor (B, C, F, T).
        b: Quant tensor of the same shape, or broadcast.
        act: The quantizer of the result.

    Returns:
        Quant tensor.
    """
    if not rounds_as_chip(act, a, b):
        return act(real(a) + real(b))
    steps = (number(a.scale), number(b.scale), number(step_of(act)))
    return stored(act, added(whole(a), whole(b), steps))
