"""Parallel branches of a student's convolutions: trained side by side, then folded into the one convolution that ships.

Sources: RepVGG (Ding et al., 2021) and MobileOne (Vasu et al., 2023): several branches, each with a batch norm of its own, train
better than the one linear map that they sum up to. The architecture, its costs and its deployment graph do not change.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.blocks import ConvUnit, pad_same
from hwasc.models.student import Student


class Branch(nn.Module):
    """A convolution with a kernel that may be smaller than the unit's, about the same centre, and its batch norm.

    Args:
        conv: The unit's convolution.
        kernel: (rows, columns), each at most the unit's and as odd or even as it.
        initial_gain: Of the batch norm; 0: the branch adds nothing until it is trained.
    """

    def __init__(self, conv: nn.Conv2d, kernel: tuple[int, int], initial_gain: float) -> None:
        super().__init__()
        rows, columns = conv.kernel_size[0], conv.kernel_size[1]
        self.margin = ((rows - kernel[0]) // 2, (columns - kernel[1]) // 2)
        self.conv = nn.Conv2d(
            conv.in_channels,
            conv.out_channels,
            kernel,
            (conv.stride[0], conv.stride[1]),
            groups=conv.groups,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(conv.out_channels)
        depthwise = conv.groups > 1
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_in" if depthwise else "fan_out", nonlinearity="relu")
        nn.init.constant_(self.bn.weight, initial_gain)

    def forward(self, padded: Tensor) -> Tensor:
        """(B, C, F, T), padded for the unit's kernel, to (B, channels, F', T')."""
        (top, left), (height, width) = self.margin, padded.shape[2:]
        y: Tensor = self.bn(self.conv(padded[:, :, top : height - top, left : width - left]))
        return y

    def folded(self) -> tuple[Tensor, Tensor]:
        """The kernel, widened to the unit's by zeros, and the bias that compute the same in eval mode."""
        weight, bias = _folded(self.conv, self.bn)
        (top, left) = self.margin
        return F.pad(weight, (left, left, top, top)), bias


class BranchedUnit(nn.Module):
    """The branches of one unit: its own convolution, more of the same kernel, smaller kernels, and the identity where it fits.

    Args:
        unit: The unit, which becomes the first branch.
        branches: How many of the unit's kernel.
        initial_gain: See `Branch`.
    """

    def __init__(self, unit: ConvUnit, branches: int, initial_gain: float) -> None:
        super().__init__()
        self.unit = unit
        conv = unit.conv
        kernel = (conv.kernel_size[0], conv.kernel_size[1])
        kernels = [kernel] * (branches - 1) + _smaller(kernel)
        self.others = nn.ModuleList([Branch(conv, k, initial_gain) for k in kernels])
        fits = conv.in_channels == conv.out_channels and conv.stride == (1, 1)
        self.identity = nn.BatchNorm2d(conv.out_channels) if fits and conv.groups == 1 else None
        if self.identity is not None:
            nn.init.constant_(self.identity.weight, initial_gain)

    def forward(self, x: Tensor) -> Tensor:
        unit = self.unit
        kernel = (unit.conv.kernel_size[0], unit.conv.kernel_size[1])
        stride = (unit.conv.stride[0], unit.conv.stride[1])
        if unit.padded_by_conv:
            padded = F.pad(x, (kernel[1] // 2, kernel[1] // 2, kernel[0] // 2, kernel[0] // 2))
        else:
            padded = pad_same(x, kernel, stride)
        y = unit.bn(F.conv2d(padded, unit.conv.weight, None, stride, groups=unit.conv.groups))
        for branch in self.others:
            y = y + branch(padded)
        if self.identity is not None:
            y = y + self.identity(x)
        return F.relu(y) if unit.relu else y

    @torch.no_grad()
    def folded(self) -> ConvUnit:
        """The unit with one convolution that computes the same in eval mode; changed in place."""
        conv, bn = self.unit.conv, self.unit.bn
        weight, bias = _folded(conv, bn)
        for branch in self.others:
            more, offset = branch.folded()  # type: ignore[operator]
            weight, bias = weight + more, bias + offset
        if self.identity is not None:
            gain, offset = _gain(self.identity)
            rows, columns = conv.kernel_size[0], conv.kernel_size[1]
            index = torch.arange(conv.out_channels, device=weight.device)
            weight[index, index, rows // 2, columns // 2] += gain
            bias = bias + offset
        conv.weight.copy_(weight)
        assert bn.running_mean is not None and bn.running_var is not None
        bn.weight.fill_(1)
        bn.bias.copy_(bias)
        bn.running_mean.zero_()
        bn.running_var.fill_(1 - bn.eps)
        return self.unit


def add_branches(student: Student, branches: int, *, trained: bool = False) -> Student:
    """Give each convolution of a float student parallel branches.

    Args:
        student: Changed in place.
        branches: Convolutions of the unit's own kernel in parallel, 1 at least; smaller kernels and the identity come on top.
        trained: Whether its weights are trained ones: then the new branches add nothing at first, and it computes the same.

    Returns:
        The student.
    """
    for name, unit in list(student.named_modules()):
        if isinstance(unit, ConvUnit):
            _put(student, name, BranchedUnit(unit, branches, 0.0 if trained else 1.0))
    return student


def fold_branches(student: Student) -> Student:
    """Fold the branches of a trained student.

    Args:
        student: With or without branches; changed in place.

    Returns:
        The student, with the modules and the names of its architecture.
    """
    for name, unit in list(student.named_modules()):
        if isinstance(unit, BranchedUnit):
            _put(student, name, unit.folded())
    return student


def _put(student: Student, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(student.get_submodule(parent), last, module)


def _smaller(kernel: tuple[int, int]) -> list[tuple[int, int]]:
    """Kernels that are smaller by two and more along every axis that is longer than one: (5, 5) has (3, 3) and (1, 1)."""
    out = []
    while max(kernel) > 1:
        kernel = (max(kernel[0] - 2, 1), max(kernel[1] - 2, 1))
        out.append(kernel)
    return out


def _gain(bn: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert bn.running_var is not None and bn.running_mean is not None
    gain = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return gain, bn.bias - bn.running_mean * gain


def _folded(conv: nn.Conv2d, bn: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    gain, bias = _gain(bn)
    return conv.weight * gain.reshape(-1, 1, 1, 1), bias
