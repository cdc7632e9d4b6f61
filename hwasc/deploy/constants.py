"""The numbers of a quantized student as the chip's kernels read them: each tensor's scale, each operator's constants.

Every format of model files is written from these. An unsigned range becomes zero point -128. Torch's 3 x 3 average, which counts
the padding, is a depthwise convolution with weights of 1/9.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import torch

from hwasc.cost.graph import Graph, Operator
from hwasc.deploy.flatfile import FileTensor
from hwasc.models.student import Student
from hwasc.records.blocks import Conv, DepthwiseConv, Pool, ResponseNorm, Sum, Unit

ONE_SHIFT = 64  # the constant 1 is 64 steps of 1/64: exact


@dataclass(frozen=True)
class Filters:
    """The constants of a convolution.

    Attributes:
        weight: int8 (out, in / groups, k, k).
        scale: Of each output channel, (out,).
        bias: Real values, (out,).
    """

    weight: np.ndarray
    scale: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True)
class IntegerFilters:
    """The constants of a convolution in whole numbers.

    Attributes:
        weight: int8 (out, in / groups, k, k).
        scale: Of each output channel, float32 (out,).
        bias: int32 (out,), at `unit`.
        unit: Input scale x weight scale, float32 (out,).
    """

    weight: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    unit: np.ndarray


@dataclass(frozen=True)
class Quantized:
    """The numbers of a net.

    Attributes:
        steps: (scale, zero point) of each tensor of the graph, by its number.
        constants: Of each operator of the graph: filters of a convolution (and of torch's average), a stored tensor of an
            elementwise operator that reads one, or None.
    """

    steps: Mapping[int, tuple[float, int]]
    constants: tuple[IntegerFilters | FileTensor | None, ...]


# For one operator: the quantizer of its output (None: the output has the input's scale), and its constant
Constants = Iterator[tuple[Any, "Filters | FileTensor | None"]]


@singledispatch
def constants(unit: Unit, module: Any) -> Constants:
    """Scales and constants of a unit's int8 module; a unit of another package defines its own.

    Args:
        unit: Of the student's program.
        module: Calibrated or trained.

    Returns:
        For each of the unit's operators in the graph's order: the quantizer of its output (None: the output has the input's
        scale), and its constant: `Filters` of a convolution, a `vector` of an elementwise operator, or None. The axes of a mean
        and the minimum of a divisor (`maximum`) are added from the graph.
    """
    return unit.constants(module)


@constants.register(Conv)
@constants.register(DepthwiseConv)
def _(unit: Conv, module: Any) -> Constants:
    weight = module.conv.quant_weight()
    yield module.act, Filters(weight.int().numpy(), weight.scale.flatten(), module.conv.bias)


@constants.register(Pool)
def _(unit: Pool, module: Any) -> Constants:
    yield None, None


@constants.register(Sum)
def _(unit: Sum, module: Any) -> Constants:
    yield module.act, None


@constants.register(ResponseNorm)
def _(unit: ResponseNorm, module: Any) -> Constants:
    if module.l2:
        yield module.square, None
        yield module.mean_square, None
        yield module.inverse, None
    yield module.response, None
    yield module.mean, None
    yield None, None  # the divisor has the mean's scale
    yield module.quotient, None
    yield module.scaled, vector("gamma", module.gamma, module.gamma_quant)
    one = np.full((1, 1, 1, 1), ONE_SHIFT, np.int8)
    yield module.gain, FileTensor("one", one.shape, 1 / ONE_SHIFT, 0, data=one)
    yield module.product, None
    if module.l2:
        yield module.shifted, vector("beta", module.beta, module.beta_quant)


def vector(name: str, values: Any, act: Any) -> FileTensor:
    """A learned vector as a constant of the file.

    Args:
        name: Of the tensor.
        values: (1, channels or 1, 1, 1).
        act: Their quantizer.

    Returns:
        The vector in stored numbers.
    """
    scale, zero_point = step(act)
    stored = torch.round(values / scale).clamp(-128, 127).permute(0, 2, 3, 1).numpy().astype(np.int8)
    return FileTensor(name, stored.shape, scale, zero_point, data=stored)


def step(act: Any) -> tuple[float, int]:
    """The numbers of an activation quantizer.

    Args:
        act: Calibrated or trained.

    Returns:
        (scale, zero point).
    """
    quant = act.act_quant
    assert int(quant.bit_width()) == 8
    return float(quant.scale().detach()), 0 if quant.is_signed else -128


@torch.no_grad()
def quantized_numbers(model: Student, graph: Graph) -> Quantized:
    """The numbers of a student.

    Args:
        model: Quantized, and calibrated or trained, on the CPU, in evaluation.
        graph: Its deployment graph.

    Returns:
        Scales and constants.
    """
    units = {u.layer: constants(u, model.get_submodule(u.name)) for u in model.architecture.program}
    units["pool"] = iter([(model.get_submodule("output.act"), None)])
    steps = {graph.inputs[0]: step(model.input)}
    found: list[IntegerFilters | FileTensor | None] = []
    for op in graph.operators:
        act, constant = next(units[op.layer])
        source = steps[op.inputs[0]]
        steps[op.output] = source if act is None else step(act)
        if op.kind == "average_pool" and model.architecture.padding == "torch":
            constant = _average(op, graph.tensors[op.inputs[0]][3])
        elif op.kind == "maximum":
            least = np.full((1, 1, 1, 1), source[1] + 1, np.int8)
            constant = FileTensor(f"{op.layer}.least", least.shape, *source, data=least)
        found.append(_integers(constant, source[0]) if isinstance(constant, Filters) else constant)
    return Quantized(steps, tuple(found))


def _average(op: Operator, channels: int) -> Filters:
    # 127, not 1: the kernel's first rounding is then too fine to change a result
    weight = np.full((channels, 1, *op.window), 127, np.int8)
    return Filters(weight, torch.full((channels,), 1 / (127 * op.area)), torch.zeros(channels))


def _integers(filters: Filters, source: float) -> IntegerFilters:
    """Biases are int32 at input x weight scale."""
    unit = torch.tensor(source) * filters.scale
    biases = torch.round(filters.bias / unit).double().clamp(-(2**31), 2**31 - 1).numpy().astype(np.int32)
    return IntegerFilters(filters.weight.astype(np.int8), filters.scale.numpy(), biases, unit.numpy())


__all__ = ["Constants", "Filters", "IntegerFilters", "Quantized", "constants", "quantized_numbers", "step", "vector"]
