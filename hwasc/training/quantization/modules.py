"""Int8 modules for units: they compute what the chip's integer kernels compute.

Per-channel symmetric int8 weights, int32 biases at input x weight scale, per-tensor int8 activations: unsigned after a
ReLU (zero point -128 on the chip), signed elsewhere. A sum's inputs keep their own scales, only its output is quantized.
In eval mode convolutions, products and means also round as the kernels do (`rounding`), which gradients in training ignore.
"""

from __future__ import annotations

import math
import warnings
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import brevitas.nn as qnn
    import brevitas.quant as bq
    from brevitas.quant_tensor import IntQuantTensor, QuantTensor

from hwasc.models.blocks import ConvUnit, GlobalResponseNorm, Sum, pad_same
from hwasc.records import blocks as records
from hwasc.records.blocks import Conv, DepthwiseConv, Pool, ResponseNorm, Unit
from hwasc.training.folding import folded
from hwasc.training.rounding import round_first, shift_of, shift_of_mean

MIN_RANGE = 1e-4  # of an activation: with the tiny scale of one that is always zero the interpreter would abort


def quantizer(signed: bool) -> nn.Module:
    """An activation quantizer of eight bits.

    Args:
        signed: -128 to 127; an unsigned one, 0 to 255, is a ReLU at the same time.

    Returns:
        A module that takes a tensor or a quant tensor and returns a quant tensor.
    """
    if signed:
        return qnn.QuantIdentity(
            act_quant=bq.Int8ActPerTensorFloat, scaling_min_val=MIN_RANGE, return_quant_tensor=True
        )
    return qnn.QuantReLU(act_quant=bq.Uint8ActPerTensorFloat, scaling_min_val=MIN_RANGE, return_quant_tensor=True)


def real(x: Any) -> Tensor:
    """The real numbers of a quant tensor. Quantizers under calibration return plain tensors, which stay as they are."""
    return x.value if isinstance(x, QuantTensor) else x


def _with_value(x: Any, value: Tensor) -> Any:
    return x.set(value=value) if isinstance(x, QuantTensor) else value


def _rounds_as_chip(module: nn.Module, *inputs: Any) -> bool:
    """Whether the kernels' own rounding applies: evaluated (neither trained nor calibrated), with scales known."""
    return not module.training and all(isinstance(x, QuantTensor) for x in inputs)


def _step(act: Any) -> Tensor:
    if isinstance(act, Frozen):
        return act.step
    scale: Tensor = act.act_quant.scale()
    return scale.detach()


def quantized_mean(x: Any, dims: tuple[int, ...], act: Any) -> Any:
    """A mean, quantized, and in evaluation rounded as the chip's kernel does.

    Args:
        x: Quant tensor (B, C, F, T).
        dims: The axes of the mean; they stay, with one element.
        act: The quantizer of the result.

    Returns:
        Quant tensor.
    """
    value = real(x).mean(dims, keepdim=True)
    if _rounds_as_chip(act, x):
        step = _step(act)
        elements = math.prod(int(real(x).shape[d]) for d in dims)
        value = round_first(value, step, shift_of_mean(float(x.scale.detach() / step), elements))
    return act(value)


def quantized_product(a: Any, b: Any, act: Any) -> Any:
    """An elementwise product, quantized, and in evaluation rounded as the chip's kernel does.

    Args:
        a: Quant tensor (B, C, F, T).
        b: Quant tensor of the same shape, or broadcast.
        act: The quantizer of the result.

    Returns:
        Quant tensor.
    """
    value = real(a) * real(b)
    if _rounds_as_chip(act, a, b):
        step = _step(act)
        value = round_first(value, step, shift_of(a.scale * b.scale / step))
    return act(value)


class QuantConvUnit(nn.Module):
    """A convolution with its batch norm folded, its output quantized; quant tensor in, quant tensor out."""

    def __init__(self, unit: ConvUnit) -> None:
        super().__init__()
        conv = unit.conv
        self.unit_padding = (
            None
            if unit.padded_by_conv
            else ((conv.kernel_size[0], conv.kernel_size[1]), (conv.stride[0], conv.stride[1]))
        )
        self.conv = qnn.QuantConv2d(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,
            conv.stride,
            padding=conv.padding,
            groups=conv.groups,
            bias=True,
            weight_quant=bq.Int8WeightPerChannelFloat,
            bias_quant=bq.Int32Bias,
            return_quant_tensor=False,
        )
        weight, bias = folded(unit)
        self.conv.weight.data.copy_(weight)
        self.conv.bias.data.copy_(bias)
        self.act = quantizer(signed=not unit.relu)

    def forward(self, x: Any) -> Any:
        if self.unit_padding is not None:
            x = _with_value(x, pad_same(real(x), *self.unit_padding))
        y = self.conv(x)
        if _rounds_as_chip(self, x):
            unit, step = x.scale * self.conv.quant_weight().scale.reshape(1, -1, 1, 1), _step(self.act)
            y = round_first(y, step, shift_of(unit / step))
        return self.act(y)


class QuantSum(nn.Module):
    """The shortcut sum, its output quantized."""

    def __init__(self, unit: Sum) -> None:
        super().__init__()
        self.act = quantizer(signed=not unit.relu)

    def forward(self, a: Any, b: Any) -> Any:
        return self.act(real(a) + real(b))


SHARES = 36  # 3 x 3 windows average 1, 2, 3, 4, 6 or 9 elements: every mean is a whole number of 36ths of a step


class QuantPool(nn.Module):
    """Average pooling. On the chip its output has its input's scale: the result is rounded to the same grid.

    The kernel rounds halves (every sixth mean of six elements) away from zero in stored numbers, which are shifted by the
    zero point: for unsigned activations mostly downwards.
    """

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Any) -> Any:
        pooled = self.pool(real(x))
        if not isinstance(x, QuantTensor):
            return pooled
        steps = pooled / x.scale
        zero_point = 0 if x.signed else 128
        stored = torch.round(steps * SHARES) - zero_point * SHARES
        rounded = torch.sign(stored) * torch.floor((stored.abs() + SHARES // 2) / SHARES) + zero_point
        return x.set(value=(steps + (rounded - steps).detach()) * x.scale)  # straight-through rounding


ROOT_BITS = 20  # the RSQRT kernel's reciprocal root of a stored number has so many fractional bits


class QuantGRN(nn.Module):
    """GRN with every intermediate result quantized: response, its mean, their quotient, the gain, the product.

    The divisor is at least one of its own steps, as on the chip, where a quotient by zero is not defined.
    """

    def __init__(self, grn: GlobalResponseNorm, relu: bool) -> None:
        """Take over gamma and beta, and create the quantizers.

        Args:
            grn: The float module.
            relu: Whether the result is rectified (unsigned).
        """
        super().__init__()
        self.l2 = grn.l2
        self.gamma = nn.Parameter(grn.gamma.detach().clone())
        self.beta = nn.Parameter(grn.beta.detach().clone()) if grn.beta is not None else None
        self.gamma_quant = quantizer(True)
        self.response, self.mean, self.quotient = quantizer(False), quantizer(False), quantizer(False)
        self.scaled, self.gain, self.product = quantizer(True), quantizer(True), quantizer(self.l2 or not relu)
        if self.l2:
            self.square, self.mean_square, self.inverse = quantizer(False), quantizer(False), quantizer(False)
            self.beta_quant, self.shifted = quantizer(True), quantizer(not relu)

    def forward(self, x: Any) -> Any:
        g = self._norm(x) if self.l2 else quantized_mean(x, (2, 3), self.response)
        mean = quantized_mean(g, (1,), self.mean)
        n = self.quotient(real(g) / _at_least_a_step(mean))
        gain = self.gain(1 + real(quantized_product(n, self.gamma_quant(self.gamma), self.scaled)))
        y = quantized_product(x, gain, self.product)
        return y if self.beta is None else self.shifted(real(y) + real(self.beta_quant(self.beta)))

    def _norm(self, x: Any) -> Any:
        """The root mean square over the map, which is the L2 norm up to a factor that the quotient cancels: s * rsqrt(s)."""
        s = quantized_mean(quantized_product(x, x, self.square), (2, 3), self.mean_square)
        root = torch.rsqrt(_at_least_a_step(s))
        if _rounds_as_chip(self, s):
            step = _step(self.inverse)
            root = round_first(root, step, shift_of(torch.rsqrt(s.scale) / step * 2.0**-ROOT_BITS))
        return quantized_product(s, self.inverse(root), self.response)


def _at_least_a_step(x: Any) -> Tensor:
    value = real(x)
    step = x.scale if isinstance(x, QuantTensor) else (value.detach().amax() / 255).clamp(min=1e-6)
    return torch.maximum(value, step)


@singledispatch
def quantized_module(unit: Unit, module: Any) -> nn.Module:
    """The int8 module that replaces a unit's torch module; a unit of another package builds its own.

    Args:
        unit: Of the student's program.
        module: Its torch module, with final batch norm statistics.

    Returns:
        The int8 module.
    """
    made: nn.Module = unit.quantized(module)
    return made


@quantized_module.register(Conv)
@quantized_module.register(DepthwiseConv)
def _(unit: Unit, module: Any) -> nn.Module:
    return QuantConvUnit(module)


@quantized_module.register(ResponseNorm)
def _(unit: ResponseNorm, module: Any) -> nn.Module:
    return QuantGRN(module, unit.relu)


@quantized_module.register(Pool)
def _(unit: Pool, module: Any) -> nn.Module:
    return QuantPool(module)


@quantized_module.register(records.Sum)
def _(unit: records.Sum, module: Any) -> nn.Module:
    return QuantSum(module)


class Output(nn.Module):
    """The mean of the head's map, quantized: (B, classes, F, T) -> logits as a plain tensor (B, classes)."""

    def __init__(self) -> None:
        super().__init__()
        self.act = quantizer(signed=True)

    def forward(self, x: Any) -> Tensor:
        return real(quantized_mean(x, (2, 3), self.act)).flatten(1)


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
        value = torch.div(real(x), self.step).round_().clamp_(self.minimum, self.maximum).mul_(self.step)
        return IntQuantTensor(
            value,
            scale=self.step,
            zero_point=self.zero_point,
            bit_width=self.bit_width,
            signed=self.signed,
            training=False,
        )
