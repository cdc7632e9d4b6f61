"""Int8 modules for units: they compute what the chip's integer kernels compute.

Per-channel symmetric int8 weights, int32 biases at input x weight scale, per-tensor int8 activations: unsigned after a
ReLU (zero point -128 on the chip), signed elsewhere. A sum's inputs keep their own scales, only its output is quantized.
In eval mode they compute whole numbers as the kernels do (`rounding`); in training they round once.
"""

from __future__ import annotations

import functools
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
    from brevitas.quant_tensor import QuantTensor

from hwasc.models.blocks import ConvUnit, Sum, pad_same
from hwasc.records import blocks as records
from hwasc.records.blocks import Conv, DepthwiseConv, Pool, ResponseNorm, Unit
from hwasc.training.folding import folded
from hwasc.training.quantization.activations import quantizer, real, step_of
from hwasc.training.quantization.copying import copied
from hwasc.training.quantization.normalization import QuantGRN
from hwasc.training.quantization.operations import (
    EXACT,
    number,
    quantized_mean,
    quantized_sum,
    rounds_as_chip,
    stored,
    whole,
)
from hwasc.training.rounding import Multiplier, wide


def _with_value(x: Any, value: Tensor) -> Any:
    return x.set(value=value) if isinstance(x, QuantTensor) else value


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
        self.conv = copied(
            _template(
                conv.in_channels,
                conv.out_channels,
                kernel=tuple(conv.kernel_size),
                stride=tuple(conv.stride),
                padding=conv.padding if isinstance(conv.padding, str) else tuple(conv.padding),
                groups=conv.groups,
            )
        )
        weight, bias = folded(unit)
        self.conv.weight.data.copy_(weight)
        self.conv.bias.data.copy_(bias)
        self.act = quantizer(signed=not unit.relu)

    def forward(self, x: Any) -> Any:
        if not rounds_as_chip(self, x):
            return self.act(self.conv(self._padded(x)))
        weight = self.conv.quant_weight()
        scales = weight.scale.detach().flatten()
        factor = number(x.scale) * scales.cpu().double().numpy() / number(step_of(self.act))
        total, bias = self._total(x, weight, unit=x.scale * scales)
        return stored(self.act, Multiplier.of(factor, x.value)(total, bias))

    def _padded(self, x: Any) -> Any:
        return x if self.unit_padding is None else _with_value(x, pad_same(real(x), *self.unit_padding))

    def _total(self, x: Any, weight: Any, *, unit: Tensor) -> tuple[Tensor, Tensor | None]:
        """The kernel's int32 sums and biases, exactly.

        The correction of biases hooks itself into the convolution of real numbers, and an export prepares and traces it: then
        its sums, which are float32, are rounded.

        Args:
            x: Quant tensor.
            weight: Quant tensor.
            unit: Input x weight scale, (channels,).

        Returns:
            Whole numbers: sums, and biases unless the sums have them.
        """
        shape = (1, -1, 1, 1)
        conv = self.conv
        if conv._forward_hooks or conv.bias_quant.cache_inference_quant_bias or torch.jit.is_tracing():
            return torch.round(wide(conv(self._padded(x))) / unit.reshape(shape)), None
        numbers, taps = self._padded(whole(x)), weight.int().to(x.value.dtype)
        bias = wide(torch.round(conv.bias.detach() / unit)).reshape(shape)
        if float(taps.abs().sum((1, 2, 3)).max()) * 255 >= EXACT:
            numbers, taps = wide(numbers), wide(taps)
        total = functional.conv2d(numbers, taps, stride=conv.stride, padding=conv.padding, groups=conv.groups)
        return total, bias


@functools.lru_cache(maxsize=256)  # the convolutions of a search space recur
def _template(
    channels: int,
    filters: int,
    *,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: str | tuple[int, ...],
    groups: int,
) -> qnn.QuantConv2d:
    with torch.random.fork_rng(
        devices=[]
    ):  # its first weights are not used: no draw may depend on what was built before
        return qnn.QuantConv2d(
            channels,
            filters,
            kernel,
            stride,
            padding=padding,
            groups=groups,
            bias=True,
            weight_quant=bq.Int8WeightPerChannelFloat,
            bias_quant=bq.Int32Bias,
            return_quant_tensor=False,
        )


class QuantSum(nn.Module):
    """The shortcut sum, its output quantized."""

    def __init__(self, unit: Sum) -> None:
        super().__init__()
        self.act = quantizer(signed=not unit.relu)

    def forward(self, a: Any, b: Any) -> Any:
        return quantized_sum(a, b, self.act)


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
