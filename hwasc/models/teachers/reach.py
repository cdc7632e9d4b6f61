"""The receptive field of a convolutional net, by arithmetic over its kernels and strides.

Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019: a layer of kernel k and
dilation d adds (k - 1) d times the product of the strides before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn


def receptive_field(model: nn.Module) -> tuple[int, int]:
    """The receptive field of a cell of the last map, before the global average.

    Layers are counted in the order of registration, which must be the order of their run. A layer parallel to another must be
    1 x 1 without a stride, or lie along the other axis, or be in a module with the attribute `parallel = True`, which is not
    counted. Averages over a whole axis and layers that weight the whole map (broadcast, squeeze-and-excitation, GRN, recurrence,
    attention) are not kernels: `Family.global_context` names them. A module that only passes such averages on has the attribute
    `averages = True`.

    Args:
        model: A convolutional net.

    Returns:
        Input bins (frequency) and frames (time).
    """
    size, jump = [1, 1], [1, 1]
    for layer in _local(model):
        for axis in (0, 1):
            kernel, dilation = _pair(layer.kernel_size)[axis], _pair(getattr(layer, "dilation", 1))[axis]
            size[axis] += (kernel - 1) * dilation * jump[axis]
            jump[axis] *= _pair(layer.stride)[axis]
    return size[0], size[1]


def _local(module: nn.Module) -> Iterator[nn.Conv2d | nn.MaxPool2d]:
    if isinstance(module, (nn.Conv2d, nn.MaxPool2d)):
        yield module
    elif not getattr(module, "averages", False) and not getattr(module, "parallel", False):
        for child in module.children():
            yield from _local(child)


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value, value)
