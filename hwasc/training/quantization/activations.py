"""Quantizers of activations: Brevitas', which learn their scales, and faster ones with final scales."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import brevitas.nn as qnn
    import brevitas.quant as bq
    from brevitas.quant_tensor import IntQuantTensor, QuantTensor

from hwasc.training.quantization.copying import copied

MIN_RANGE = 1e-4  # of an activation: with the tiny scale of one that is always zero the interpreter would abort


def quantizer(signed: bool) -> nn.Module:
    """An activation quantizer of eight bits.

    Args:
        signed: -128 to 127; an unsigned one, 0 to 255, is a ReLU at the same time.

    Returns:
        A module that takes a tensor or a quant tensor and returns a quant tensor.
    """
    return copied(_template(signed))


@functools.cache
def _template(signed: bool) -> nn.Module:
    if signed:
        return qnn.QuantIdentity(
            act_quant=bq.Int8ActPerTensorFloat, scaling_min_val=MIN_RANGE, return_quant_tensor=True
        )
    return qnn.QuantReLU(act_quant=bq.Uint8ActPerTensorFloat, scaling_min_val=MIN_RANGE, return_quant_tensor=True)


def real(x: Any) -> Tensor:
    """The real numbers of a quant tensor. Quantizers under calibration return plain tensors, which stay as they are."""
    return x.value if isinstance(x, QuantTensor) else x


def step_of(act: Any) -> Tensor:
    """The scale of a quantizer, without gradients."""
    if isinstance(act, Frozen):
        return act.step
    scale: Tensor = act.act_quant.scale()
    return scale.detach()


class Frozen(nn.Module):
    """An activation quantizer whose scale is final: what Brevitas computes in evaluation, in four passes over the map.

    Attributes:
        step: The scale.
        zero_point: As Brevitas has it.
        bit_width: Eight.
    """

    step: Tensor
    zero_point: Tensor
    bit_width: Tensor

    def __init__(self, act: Any) -> None:
        super().__init__()
        quant = act.act_quant
        self.register_buffer("step", quant.scale().detach().clone())
        self.register_buffer("zero_point", quant.zero_point().detach().clone())
        self.register_buffer("bit_width", quant.bit_width().detach().clone())
        self.signed = isinstance(act, qnn.QuantIdentity)
        self.minimum, self.maximum = (-128, 127) if self.signed else (0, 255)

    def forward(self, x: Any) -> Any:
        return self.hold(torch.div(real(x), self.step).round_())

    def hold(self, whole: Tensor) -> Any:
        """Clamp stored numbers.

        Args:
            whole: Whole numbers, without the zero point; changed in place.

        Returns:
            Quant tensor.
        """
        value = whole.clamp_(self.minimum, self.maximum).float().mul_(self.step)
        return IntQuantTensor(
            value,
            scale=self.step,
            zero_point=self.zero_point,
            bit_width=self.bit_width,
            signed=self.signed,
            training=False,
        )
