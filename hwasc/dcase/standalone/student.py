"""The int8 student in plain torch, computed in whole numbers as on the chip.

Layers exchange stored numbers, -128..127 or 0..255, which float32 holds exactly; sums of products are exact too, so that no
result depends on the batch, the machine or the order of a sum. Parameters are int8 weights and int32 biases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHARES = 36  # 3 x 3 windows average 1, 2, 3, 4, 6 or 9 elements: every mean is a whole number of 36ths of a step
EXACT = 2**24  # float32 holds every whole number up to it
MAX_PRODUCT = 255 * 128  # of an activation and a weight


def _whole_numbers(dtype: torch.dtype, *shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(shape, dtype=dtype), requires_grad=False)


class Stored(nn.Module):
    """Rounds to stored numbers: -128..127 if signed, otherwise 0..255, which is a ReLU too."""

    def __init__(self, signed: bool) -> None:
        super().__init__()
        self.minimum, self.maximum = (-128, 127) if signed else (0, 255)

    def stored(self, x: Tensor) -> Tensor:
        """Steps to whole steps in range, float32."""
        return torch.round(x).clamp_(self.minimum, self.maximum).float()


class Quantizer(Stored):
    """Real numbers to stored ones."""

    step: Tensor

    def __init__(self, signed: bool) -> None:
        super().__init__(signed)
        self.register_buffer("step", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.stored(x / self.step)


class Rescaler(Stored):
    """A sum or product times multiplier x 2**-shift, rounded after each of the two, halves away from zero.

    Attributes:
        multiplier: Of each channel, (1, channels or 1, 1, 1) float64.
        down: 2**-shift, in the same shape.
    """

    multiplier: Tensor
    down: Tensor

    def __init__(self, signed: bool, channels: int = 1) -> None:
        super().__init__(signed)
        for name in ("multiplier", "down"):
            self.register_buffer(name, torch.ones(1, channels, 1, 1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        first = torch.floor(x * self.multiplier + 0.5)
        return self.stored((first + 0.25 * torch.sign(first)) * self.down)


class Mix(Stored):
    """left x a + right x b, rounded once: sums of numbers whose steps differ, or (without b) one number rescaled.

    Attributes:
        left: Step of a over the step of the result, float64.
        right: Step of b over the step of the result, float64.
    """

    left: Tensor
    right: Tensor

    def __init__(self, signed: bool) -> None:
        super().__init__(signed)
        for name in ("left", "right"):
            self.register_buffer(name, torch.ones((), dtype=torch.float64))

    def forward(self, a: Tensor, b: Tensor | float = 0.0) -> Tensor:
        return self.stored(a.double() * self.left + b * self.right)


class Int8Conv2d(nn.Module):
    """A convolution of stored numbers with int8 weights; the sums are exact, in float64 only where they need it."""

    def __init__(
        self,
        inputs: int,
        channels: int,
        kernel: tuple[int, int],
        *,
        stride: tuple[int, int],
        padding: tuple[int, int],
        groups: int,
    ) -> None:
        super().__init__()
        self.stride, self.padding, self.groups = stride, padding, groups
        shape = (channels, inputs // groups, *kernel)
        self.weight = _whole_numbers(torch.int8, *shape)
        small = inputs // groups * kernel[0] * kernel[1] * MAX_PRODUCT < EXACT
        self.number = torch.float32 if small else torch.float64

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.to(self.number)
        return F.conv2d(x.to(self.number), weight, stride=self.stride, padding=self.padding, groups=self.groups)


class Int32Bias(nn.Module):
    """int32 biases: the folded batch norm. A module, so that it is counted apart from the convolution as the norm was."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        shape = (1, channels, 1, 1)
        self.bias = _whole_numbers(torch.int32, *shape)

    def forward(self, x: Tensor) -> Tensor:
        return x.double() + self.bias


class Unit(nn.Module):
    """Convolution, bias, rescaling: (B, C, F, T) -> (B, channels, ceil(F / stride), ceil(T / stride))."""

    def __init__(
        self,
        inputs: int,
        channels: int,
        kernel: int | tuple[int, int] = 1,
        stride: tuple[int, int] = (1, 1),
        *,
        depthwise: bool = False,
        relu: bool = True,
        padding: str = "same",
    ) -> None:
        super().__init__()
        self.padded_by_conv = padding == "torch" or stride == (1, 1)
        self.kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        self.stride = stride
        padded = (self.kernel[0] // 2, self.kernel[1] // 2) if self.padded_by_conv else (0, 0)
        groups = inputs if depthwise else 1
        self.conv = Int8Conv2d(inputs, channels, self.kernel, stride=stride, padding=padded, groups=groups)
        self.bias = Int32Bias(channels)
        self.act = Rescaler(not relu, channels)

    def forward(self, x: Tensor) -> Tensor:
        if not self.padded_by_conv:
            x = pad_same(x, self.kernel, self.stride)
        return self.act(self.bias(self.conv(x)))


def pad_same(x: Tensor, kernel: tuple[int, int], stride: tuple[int, int]) -> Tensor:
    """Pad a map with zeros so that each axis gives ceil(size / stride); the odd zero goes to the end.

    Args:
        x: (B, C, F, T).
        kernel: Over frequency and time.
        stride: Over frequency and time.

    Returns:
        The padded map.
    """
    pads: list[int] = []
    for size, k, s in ((x.shape[3], kernel[1], stride[1]), (x.shape[2], kernel[0], stride[0])):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads) if any(pads) else x


class Pool(nn.Module):
    """3 x 3 average pooling of a strided shortcut: halves are rounded away from zero in the chip's numbers."""

    def __init__(self, stride: tuple[int, int], padding: str, signed: bool) -> None:
        """Set stride, padding and range.

        Args:
            stride: Over frequency and time.
            padding: `same` divides by the number of valid cells, `torch` counts the zeros too.
            signed: Whether the input has a sign; an unsigned number is 128 less on the chip.
        """
        super().__init__()
        self.stride, self.padding, self.shift = stride, padding, 0 if signed else 128

    def forward(self, x: Tensor) -> Tensor:
        chip = torch.round(self._mean(x) * SHARES) - self.shift * SHARES
        return torch.sign(chip) * torch.floor((chip.abs() + SHARES // 2) / SHARES) + self.shift

    def _mean(self, x: Tensor) -> Tensor:
        if self.padding == "torch":
            return F.avg_pool2d(x, 3, self.stride, 1)
        pooled = F.avg_pool2d(pad_same(x, (3, 3), self.stride), 3, self.stride)
        inside = torch.ones(1, 1, *x.shape[2:], dtype=x.dtype, device=x.device)
        return pooled / F.avg_pool2d(pad_same(inside, (3, 3), self.stride), 3, self.stride)


class ResponseNorm(nn.Module):
    """Global response normalization, y = x * (1 + gamma * g / mean(g)) (+ beta), every step of it in 8 bits.

    Divisors are at least one step. The rescalers of means take sums: the number of elements is part of their multiplier.
    """

    def __init__(self, channels: int, scalar: bool, l2: bool, relu: bool) -> None:
        """Create gamma, beta and the rescalers.

        Args:
            channels: Of the map.
            scalar: Whether there is one gamma for all channels.
            l2: Whether g is the map's root mean square; otherwise its mean.
            relu: Whether the result is rectified.
        """
        super().__init__()
        self.l2 = l2
        shape = (1, 1 if scalar else channels, 1, 1)
        self.gamma = _whole_numbers(torch.int8, *shape)
        self.response, self.mean, self.quotient = Rescaler(False), Rescaler(False), Mix(False)
        self.scaled, self.gain, self.product = Rescaler(True), Mix(True), Rescaler(l2 or not relu)
        if l2:
            self.square, self.mean_square, self.inverse = Rescaler(False), Rescaler(False), Rescaler(False)
            self.beta = _whole_numbers(torch.int8, *shape)
            self.shifted = Mix(not relu)

    def forward(self, x: Tensor) -> Tensor:
        g = self._norm(x) if self.l2 else self.response(total(x, (2, 3)))
        mean = self.mean(total(g, (1,)))
        n = self.quotient(g.double() / mean.clamp(min=1))
        gain = self.gain(self.scaled(n * self.gamma), 1.0)
        y = self.product(x * gain)
        return self.shifted(y, self.beta) if self.l2 else y

    def _norm(self, x: Tensor) -> Tensor:
        s = self.mean_square(total(self.square(x * x), (2, 3)))
        return self.response(s * self.inverse(1 / torch.sqrt(s.double().clamp(min=1))))


def total(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The exact sum over some axes.

    Args:
        x: Stored numbers.
        dims: The axes; they stay, with one element.

    Returns:
        The sum, float64.
    """
    return x.double().sum(dims, keepdim=True)


UNITS = {"conv": Unit, "norm": ResponseNorm, "pool": Pool, "sum": Mix}


class Block(nn.Module):
    """A block's units, run in order."""

    def __init__(self, units: Sequence[Mapping[str, Any]]) -> None:
        """Create the units.

        Args:
            units: For each unit its kind (`unit`), `name`, `inputs` (names of units, or `input`) and `settings`.
        """
        super().__init__()
        self.steps = [(u["name"], tuple(u["inputs"])) for u in units]
        for u in units:
            settings = {k: tuple(v) if isinstance(v, list) else v for k, v in u["settings"].items()}
            self.add_module(u["name"], UNITS[u["unit"]](**settings))

    def forward(self, x: Tensor) -> Tensor:
        found = {"input": x}
        for name, inputs in self.steps:
            found[name] = x = getattr(self, name)(*(found[i] for i in inputs))
        return x


class Student(nn.Module):
    """Log-mel (B, 1, mels, frames) -> logits (B, classes)."""

    logit_step: Tensor

    def __init__(self, architecture: Mapping[str, Any]) -> None:
        """Create the layers; the weights are loaded later.

        Args:
            architecture: stem, stem_strides, blocks (see `Block`), channels (of the last block), classes, padding.
        """
        super().__init__()
        channels, padding = 1, architecture["padding"]
        self.input = Quantizer(True)
        stem: list[nn.Module] = []
        for width, stride in zip(architecture["stem"], architecture["stem_strides"]):
            stem.append(Unit(channels, width, 3, (stride[0], stride[1]), padding=padding))
            channels = width
        self.stem = nn.Sequential(*stem)
        self.blocks = nn.Sequential(*(Block(units) for units in architecture["blocks"]))
        self.head = Unit(architecture["channels"], architecture["classes"], relu=False)
        self.output = Rescaler(True)
        self.register_buffer("logit_step", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(self.blocks(self.stem(self.input(x.float()))))
        return self.output(total(y, (2, 3))).flatten(1) * self.logit_step
