"""Blocks as torch modules: a module for each unit (convolutions padded as on the chip, GRN, ...), run in the program's order."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.records import blocks as records
from hwasc.records.blocks import GRN, INPUT, Conv, DepthwiseConv, Kernel, Pool, ResponseNorm, Stride, Unit
from hwasc.records.blocks.units import channels as channels_of
from hwasc.records.blocks.units import pair


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """The padding of one axis by TFLite's SAME: the odd zero goes to the end (torch's k // 2 puts it at the start).

    Args:
        size: Of the axis.
        kernel: The kernel's extent along it.
        stride: Along it.

    Returns:
        Zeros before and after.
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(x: Tensor, kernel: Kernel, stride: Stride) -> Tensor:
    """Pad a map with zeros as TFLite's SAME does.

    Args:
        x: (B, C, F, T).
        kernel: Of the layer that follows.
        stride: Of the layer that follows, over frequency and time.

    Returns:
        The padded map.
    """
    rows, columns = pair(kernel)
    # int: under tracing sizes are tensors, whose floor division exports as a truncation
    f, t = same_padding(int(x.shape[2]), rows, stride[0]), same_padding(int(x.shape[3]), columns, stride[1])
    return F.pad(x, (*t, *f)) if any((*f, *t)) else x


class ConvUnit(nn.Module):
    """Convolution, batch norm and an optional ReLU: (B, C, F, T) -> (B, channels, ceil(F / stride), ceil(T / stride))."""

    def __init__(
        self,
        inputs: int,
        channels: int,
        kernel: Kernel = 1,
        stride: Stride = (1, 1),
        *,
        depthwise: bool = False,
        relu: bool = True,
        padding: str = "same",
    ) -> None:
        super().__init__()
        # Where SAME is symmetric for any size of input, the convolution pads, which is faster.
        self.padded_by_conv = padding == "torch" or stride == (1, 1)
        self.conv = nn.Conv2d(
            inputs,
            channels,
            kernel,
            stride,
            padding=(pair(kernel)[0] // 2, pair(kernel)[1] // 2) if self.padded_by_conv else 0,
            groups=inputs if depthwise else 1,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(channels)
        self.relu = relu
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out" if not depthwise else "fan_in", nonlinearity="relu")

    def pad(self, x: Tensor) -> Tensor:
        """Add the padding that the convolution itself does not add."""
        return x if self.padded_by_conv else pad_same(x, self.conv.kernel_size, self.conv.stride)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(self.pad(x)))
        return F.relu(x, inplace=True) if self.relu else x  # batch norm's gradient does not need its own output


class ShortcutPool(nn.Module):
    """3 x 3 average pooling of a strided shortcut."""

    def __init__(self, stride: Stride, padding: str) -> None:
        """Set stride and padding.

        Args:
            stride: Over frequency and time.
            padding: `same` divides by the number of valid cells as TFLite does; `torch` counts the zeros too.
        """
        super().__init__()
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        if self.padding == "torch":
            return F.avg_pool2d(x, 3, self.stride, 1)
        pooled = F.avg_pool2d(pad_same(x, 3, self.stride), 3, self.stride)
        inside = torch.ones(1, 1, *map(int, x.shape[2:]), dtype=x.dtype, device=x.device)
        return pooled / F.avg_pool2d(pad_same(inside, 3, self.stride), 3, self.stride)


class GlobalResponseNorm(nn.Module):
    """y = x * (1 + gamma * n) (+ beta), n = g / mean over channels of g; see `records.blocks.GRN` for g.

    (B, C, F, T) -> the same shape. Woo et al., ConvNeXt V2 (2023), eq. 1-3; gamma starts at zero, so y starts as x.
    """

    def __init__(self, channels: int, grn: GRN, relu: bool = False) -> None:
        """Create gamma, and beta with the L2 response.

        Args:
            channels: Of the map.
            grn: Shape of gamma, and the response.
            relu: Whether the L2 response's result is rectified. The mean response's hardly ever needs it: see `ResponseNorm`.
        """
        super().__init__()
        self.relu = relu
        shape = (1, 1 if grn.shape == "scalar" else channels, 1, 1)
        self.l2 = grn.response == "l2"
        self.gamma = nn.Parameter(torch.zeros(shape))
        self.beta = nn.Parameter(torch.zeros(shape)) if self.l2 else None

    def forward(self, x: Tensor) -> Tensor:
        g = torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True) if self.l2 else x.mean((2, 3), keepdim=True)
        n = g / (g.mean(1, keepdim=True) + 1e-6)
        y = x * (1 + self.gamma * n)
        if self.beta is None:
            return y
        return F.relu(y + self.beta) if self.relu else y + self.beta


class Sum(nn.Module):
    """The shortcut sum with an optional ReLU; a module, so that quantization can replace it."""

    def __init__(self, relu: bool) -> None:
        super().__init__()
        self.relu = relu

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return F.relu(a + b, inplace=True) if self.relu else a + b


@singledispatch
def module(unit: Unit, channels: int, padding: str) -> nn.Module:
    """A unit's torch module, freshly initialised; a unit of another package builds its own.

    Args:
        unit: Of a block's program.
        channels: Channels of its first input.
        padding: `same` or `torch`, see `Architecture`.

    Returns:
        The module.
    """
    made: nn.Module = unit.module(channels, padding)
    return made


@module.register(Conv)
def _(unit: Conv, channels: int, padding: str) -> nn.Module:
    return ConvUnit(channels, unit.channels, unit.kernel, unit.stride, relu=unit.relu, padding=padding)


@module.register(DepthwiseConv)
def _(unit: DepthwiseConv, channels: int, padding: str) -> nn.Module:
    return ConvUnit(channels, channels, unit.kernel, unit.stride, depthwise=True, relu=unit.relu, padding=padding)


@module.register(ResponseNorm)
def _(unit: ResponseNorm, channels: int, padding: str) -> nn.Module:
    return GlobalResponseNorm(channels, unit.grn, unit.relu)


@module.register(Pool)
def _(unit: Pool, channels: int, padding: str) -> nn.Module:
    return ShortcutPool(unit.stride, padding)


@module.register(records.Sum)
def _(unit: records.Sum, channels: int, padding: str) -> nn.Module:
    return Sum(unit.relu)


class Block(nn.Module):
    """A block of any kind: the modules of its units, by their names, run in order. (B, inputs, F, T) -> (B, channels, F', T').

    Quantization replaces the units' modules by int8 modules; the program stays.
    """

    def __init__(self, inputs: int, record: records.Block, padding: str) -> None:
        super().__init__()
        units = record.units(inputs)
        widths = channels_of(units, inputs)
        for unit in units:
            self.add_module(unit.name, module(unit, widths[unit.inputs[0]], padding))
        last_use = {name: i for i, unit in enumerate(units) for name in unit.inputs}
        # (unit, its inputs, those of its inputs that no later unit reads, which can be freed)
        self.steps = [
            (u.name, u.inputs, tuple(name for name in set(u.inputs) if last_use[name] == i))
            for i, u in enumerate(units)
        ]

    def forward(self, x: Tensor) -> Tensor:
        found = {INPUT: x}
        del x
        for name, inputs, spent in self.steps:
            found[name] = getattr(self, name)(*(found[i] for i in inputs))
            for i in spent:
                del found[i]
        return found[name]
