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
from torch.nn import functional

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import brevitas.nn as qnn
    import brevitas.quant as bq
    from brevitas.quant_tensor import IntQuantTensor, QuantTensor

from hwasc.models.blocks import ConvUnit, GlobalResponseNorm, Sum, pad_same
from hwasc.records import blocks as records
from hwasc.records.blocks import Conv, DepthwiseConv, Pool, ResponseNorm, Unit
from hwasc.training.folding import folded
from hwasc.training.rounding import Multiplier, added, divided, reciprocal_root, wide

MIN_RANGE = 1e-4  # of an activation: with the tiny scale of one that is always zero the interpreter would abort
EXACT = 2**24  # float32 holds every whole number up to it


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


def _number(step: Tensor) -> float:
    return float(step.detach())


def _whole(x: Any) -> Tensor:
    """The stored numbers of a quant tensor, without the zero point: float32."""
    return torch.div(x.value, x.scale).round_()


def _stored(act: Any, whole: Tensor) -> Any:
    """A kernel's result, clamped by its quantizer: whole numbers -> quant tensor."""
    return act.hold(whole) if isinstance(act, Frozen) else act(whole.float() * _step(act))


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
    if not _rounds_as_chip(act, x):
        return act(real(x).mean(dims, keepdim=True))
    elements = math.prod(int(real(x).shape[d]) for d in dims)
    by = Multiplier.of_mean(_number(x.scale) / _number(_step(act)), elements, x.value)
    return _stored(act, by(_sum_over(_whole(x), dims, elements)))


def quantized_product(a: Any, b: Any, act: Any) -> Any:
    """An elementwise product, quantized, and in evaluation rounded as the chip's kernel does.

    Args:
        a: Quant tensor (B, C, F, T).
        b: Quant tensor of the same shape, or broadcast.
        act: The quantizer of the result.

    Returns:
        Quant tensor.
    """
    if not _rounds_as_chip(act, a, b):
        return act(real(a) * real(b))
    by = Multiplier.of(_number(a.scale) * _number(b.scale) / _number(_step(act)), a.value)
    return _stored(act, by(_whole(a) * _whole(b)))


def quantized_sum(a: Any, b: Any, act: Any) -> Any:
    """An elementwise sum, quantized, and in evaluation rounded as the chip's kernel does.

    Args:
        a: Quant tensor (B, C, F, T).
        b: Quant tensor of the same shape, or broadcast.
        act: The quantizer of the result.

    Returns:
        Quant tensor.
    """
    if not _rounds_as_chip(act, a, b):
        return act(real(a) + real(b))
    steps = (_number(a.scale), _number(b.scale), _number(_step(act)))
    return _stored(act, added(_whole(a), _whole(b), steps))


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
        if not _rounds_as_chip(self, x):
            return self.act(self.conv(self._padded(x)))
        weight = self.conv.quant_weight()
        scales = weight.scale.detach().flatten()
        factor = _number(x.scale) * scales.cpu().double().numpy() / _number(_step(self.act))
        return _stored(self.act, Multiplier.of(factor, x.value)(self._total(x, weight, x.scale * scales)))

    def _padded(self, x: Any) -> Any:
        return x if self.unit_padding is None else _with_value(x, pad_same(real(x), *self.unit_padding))

    def _total(self, x: Any, weight: Any, unit: Tensor) -> Tensor:
        """The kernel's int32 sums with the bias, exactly.

        The correction of biases hooks itself into the convolution of real numbers, and an export prepares and traces it: then
        its sums, which are float32, are rounded.

        Args:
            x: Quant tensor.
            weight: Quant tensor.
            unit: Input x weight scale, (channels,).

        Returns:
            Whole numbers.
        """
        shape = (1, -1, 1, 1)
        conv = self.conv
        if conv._forward_hooks or conv.bias_quant.cache_inference_quant_bias or torch.jit.is_tracing():
            return torch.round(wide(conv(self._padded(x))) / unit.reshape(shape))
        whole, taps = self._padded(_whole(x)), weight.int().to(x.value.dtype)
        bias = torch.round(conv.bias.detach() / unit).reshape(shape)
        if float(taps.abs().sum((1, 2, 3)).max()) * 255 >= EXACT:
            whole, taps = wide(whole), wide(taps)
        total = functional.conv2d(whole, taps, None, conv.stride, conv.padding, groups=conv.groups)
        return wide(total).add_(bias)


class QuantSum(nn.Module):
    """The shortcut sum, its output quantized."""

    def __init__(self, unit: Sum) -> None:
        super().__init__()
        self.act = quantizer(signed=not unit.relu)

    def forward(self, a: Any, b: Any) -> Any:
        return quantized_sum(a, b, self.act)


ONE_SHIFT = 64  # the constant 1 is 64 steps of 1/64: exact
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
        scaled = quantized_product(self._quotient(g, mean), self.gamma_quant(self.gamma), self.scaled)
        y = quantized_product(x, self._gain(scaled), self.product)
        return y if self.beta is None else quantized_sum(y, self.beta_quant(self.beta), self.shifted)

    def _quotient(self, g: Any, mean: Any) -> Any:
        if not _rounds_as_chip(self, g, mean):
            return self.quotient(real(g) / _at_least_a_step(mean))
        steps = (_number(g.scale), _number(mean.scale), _number(_step(self.quotient)))
        return _stored(self.quotient, divided(_whole(g), _whole(mean).clamp_(min=1), steps))

    def _gain(self, scaled: Any) -> Any:
        """One more than the scaled quotients; the file's constant is 64 steps of 1/64."""
        if not _rounds_as_chip(self, scaled):
            return self.gain(1 + real(scaled))
        one = torch.full((1, 1, 1, 1), float(ONE_SHIFT), device=scaled.value.device)
        steps = (_number(scaled.scale), 1 / ONE_SHIFT, _number(_step(self.gain)))
        return _stored(self.gain, added(_whole(scaled), one, steps))

    def _norm(self, x: Any) -> Any:
        """The root mean square over the map, which is the L2 norm up to a factor that the quotient cancels: s * rsqrt(s)."""
        s = quantized_mean(quantized_product(x, x, self.square), (2, 3), self.mean_square)
        if _rounds_as_chip(self, s):
            steps = (_number(s.scale), _number(_step(self.inverse)))
            root = _stored(self.inverse, reciprocal_root(_whole(s), steps))
        else:
            root = self.inverse(torch.rsqrt(_at_least_a_step(s)))
        return quantized_product(s, root, self.response)


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
