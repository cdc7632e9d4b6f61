"""Building blocks of the student: convolution units with chip-true padding, global response normalization, the block."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.records import architecture as records
from hwasc.records.architecture import Stride


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after one axis by TFLite's SAME: the odd one goes to the end (torch's k // 2 puts it at the start)."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(x: Tensor, kernel: int, stride: Stride) -> Tensor:
    """Pad (B, C, F, T) with zeros as TFLite's SAME does."""
    # int: under tracing sizes are tensors, whose floor division exports as a truncation
    f, t = same_padding(int(x.shape[2]), kernel, stride[0]), same_padding(int(x.shape[3]), kernel, stride[1])
    return F.pad(x, (*t, *f)) if any((*f, *t)) else x


class ConvUnit(nn.Module):
    """Convolution, batch norm and an optional ReLU: (B, C, F, T) -> (B, channels, ceil(F / stride), ceil(T / stride))."""

    def __init__(
        self,
        inputs: int,
        channels: int,
        kernel: int = 1,
        stride: Stride = (1, 1),
        *,
        depthwise: bool = False,
        relu: bool = True,
        padding: str = "same",
    ) -> None:
        super().__init__()
        # Where SAME is symmetric whatever the input's size, torch pads by itself, which is faster.
        self.pads_itself = padding == "torch" or stride == (1, 1)
        self.conv = nn.Conv2d(
            inputs,
            channels,
            kernel,
            stride,
            kernel // 2 if self.pads_itself else 0,
            groups=inputs if depthwise else 1,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(channels)
        self.relu = relu
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out" if not depthwise else "fan_in", nonlinearity="relu")

    def pad(self, x: Tensor) -> Tensor:
        """The padding that the convolution does not do by itself."""
        return x if self.pads_itself else pad_same(x, self.conv.kernel_size[0], self.conv.stride)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(self.pad(x)))
        return F.relu(x) if self.relu else x


class ShortcutPool(nn.Module):
    """3 x 3 average pooling of a strided shortcut. `same` divides by the valid count as TFLite does; `torch` counts zeros."""

    def __init__(self, stride: Stride, padding: str) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        if self.padding == "torch":
            return F.avg_pool2d(x, 3, self.stride, 1)
        pooled = F.avg_pool2d(pad_same(x, 3, self.stride), 3, self.stride)
        inside = torch.ones(1, 1, *map(int, x.shape[2:]), dtype=x.dtype, device=x.device)
        return pooled / F.avg_pool2d(pad_same(inside, 3, self.stride), 3, self.stride)


class GlobalResponseNorm(nn.Module):
    """y = x * (1 + gamma * n) (+ beta), n = g / mean over channels of g; see `records.architecture.GRN` for g.

    (B, C, F, T) -> the same shape. Woo et al., ConvNeXt V2 (2023), eq. 1-3; gamma starts at zero, so y starts as x.
    """

    def __init__(self, channels: int, grn: records.GRN) -> None:
        super().__init__()
        shape = (1, 1 if grn.shape == "scalar" else channels, 1, 1)
        self.l2 = grn.response == "l2"
        self.gamma = nn.Parameter(torch.zeros(shape))
        self.beta = nn.Parameter(torch.zeros(shape)) if self.l2 else None

    def forward(self, x: Tensor) -> Tensor:
        g = torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True) if self.l2 else x.mean((2, 3), keepdim=True)
        n = g / (g.mean(1, keepdim=True) + 1e-6)
        y = x * (1 + self.gamma * n)
        return y if self.beta is None else y + self.beta


class Sum(nn.Module):
    """The shortcut sum with an optional ReLU; a module of its own so that quantization can take its place."""

    def __init__(self, relu: bool) -> None:
        super().__init__()
        self.relu = relu

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return F.relu(a + b) if self.relu else a + b


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise k x k, project 1x1, shortcut sum and GRN, as the `Block` record says."""

    def __init__(self, inputs: int, block: records.Block, padding: str) -> None:
        super().__init__()
        at_sum = block.grn if block.grn and block.grn.at == "sum" else None
        relu_before = not (
            at_sum and at_sum.response == "l2"
        )  # L2: GRN, then ReLU, as published; mean: on the rectified map
        self.expand = ConvUnit(inputs, block.expanded)
        self.depthwise = ConvUnit(
            block.expanded, block.expanded, block.kernel, block.stride, depthwise=True, padding=padding
        )
        self.inner_grn = GlobalResponseNorm(block.expanded, block.grn) if block.grn and not at_sum else nn.Identity()
        self.project = ConvUnit(block.expanded, block.channels, relu=relu_before and not block.shortcut)
        self.shortcut = block.shortcut
        if block.shortcut:
            self.pool = nn.Identity() if block.stride == (1, 1) else ShortcutPool(block.stride, padding)
            self.sum = Sum(relu_before)
        self.grn = GlobalResponseNorm(block.channels, at_sum) if at_sum else nn.Identity()
        self.relu = nn.Identity() if relu_before else nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.inner_grn(self.depthwise(self.expand(x))))
        if self.shortcut:
            y = self.sum(self.pool(x), y)
        return self.relu(self.grn(y))
