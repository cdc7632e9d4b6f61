"""The deployment graph: int8 tensors and operators as they run on the chip, from an architecture, without torch.

It is the one description that costs are counted on, files are written from and reports are drawn from. Tensors are NHWC
(batch 1, frequency, time, channels) in the order in which the file holds them; batch norm is folded, ReLU fused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch
from typing import Literal

from hwasc.records.architecture import HEAD, Architecture
from hwasc.records.blocks import GRN, INPUT, Conv, DepthwiseConv, Kernel, Pool, ResponseNorm, Stride, Sum, Unit
from hwasc.records.blocks.units import pair

Kind = Literal["conv", "depthwise", "average_pool", "add", "mul", "div", "mean", "maximum", "rsqrt"]
Shape = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: `inputs` and `output` index the graph's tensors; constants are counted, not listed as tensors.

    weights: int8 constants (bytes); biases: int32 constants (count); folded_norm: channels of the batch norm folded in;
    parameters: what the float model trains for it; macs: multiply-accumulates of the operator as it runs. kernel: one number
    where it is square.
    """

    kind: Kind
    layer: str
    inputs: tuple[int, ...]
    output: int
    kernel: Kernel = 1
    stride: Stride = (1, 1)
    relu: bool = False
    weights: int = 0
    biases: int = 0
    folded_norm: int = 0
    parameters: int = 0
    macs: int = 0

    @property
    def window(self) -> tuple[int, int]:
        """The kernel's extent over frequency and time."""
        return pair(self.kernel)

    @property
    def area(self) -> int:
        """Cells of the kernel."""
        rows, columns = pair(self.kernel)
        return rows * columns


@dataclass(frozen=True)
class Graph:
    """Tensors by index (int8, one byte an element), operators in the order of their run, and what goes in and out."""

    tensors: tuple[Shape, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass
class Builder:
    """A graph while it grows; each method adds an operator (or several) and returns the number of its output tensor.

    layer: what the operators are called, in tables and in the file. Tensors are named by number.
    """

    tensors: list[Shape] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def tensor(self, shape: Shape) -> int:
        """Add a tensor."""
        self.tensors.append(shape)
        return len(self.tensors) - 1

    def conv(
        self,
        layer: str,
        x: int,
        channels: int,
        *,
        kernel: Kernel = 1,
        stride: Stride = (1, 1),
        depthwise: bool = False,
        relu: bool = False,
    ) -> int:
        """A convolution with the batch norm after it folded in."""
        _, h, w, c = self.tensors[x]
        h, w = -(-h // stride[0]), -(-w // stride[1])  # TFLite's SAME and torch's k // 2 give the same size
        y = self.tensor((1, h, w, channels))
        rows, columns = pair(kernel)
        weights = rows * columns * channels * (1 if depthwise else c)
        self.operators.append(
            Operator(
                "depthwise" if depthwise else "conv",
                layer,
                (x,),
                y,
                kernel=kernel,
                stride=stride,
                relu=relu,
                weights=weights,
                biases=channels,
                folded_norm=channels,
                parameters=weights + 2 * channels,
                macs=weights * h * w,
            )
        )
        return y

    def average_pool(self, layer: str, x: int, stride: Stride) -> int:
        """3 x 3 average pooling."""
        _, h, w, c = self.tensors[x]
        y = self.tensor((1, -(-h // stride[0]), -(-w // stride[1]), c))
        self.operators.append(Operator("average_pool", layer, (x,), y, kernel=3, stride=stride))
        return y

    def pointwise(
        self, kind: Kind, layer: str, *inputs: int, relu: bool = False, constants: int = 0, parameters: int = 0
    ) -> int:
        """An elementwise operator; the output has the shape of its largest input (the others are broadcast)."""
        shape = max((self.tensors[i] for i in inputs), key=lambda s: s[1] * s[2] * s[3])
        y = self.tensor(shape)
        macs = shape[1] * shape[2] * shape[3] if kind in ("mul", "div") else 0
        self.operators.append(
            Operator(kind, layer, inputs, y, relu=relu, weights=constants, parameters=parameters, macs=macs)
        )
        return y

    def mean(self, layer: str, x: int, over: Literal["map", "channels"]) -> int:
        """A mean over frequency and time, or over channels; the axes stay, with one element."""
        _, h, w, c = self.tensors[x]
        y = self.tensor((1, 1, 1, c) if over == "map" else (1, h, w, 1))
        self.operators.append(Operator("mean", layer, (x,), y))
        return y

    def grn(self, layer: str, x: int, grn: GRN, relu: bool) -> int:
        """x * (1 + gamma * g / mean(g)) (+ beta). The L2 response squares the map and takes s * rsqrt(s) of its mean.

        The divisor is at least one step of its scale (maximum): the kernels do not define a quotient of zero.
        """
        c = self.tensors[x][3]
        gammas = 1 if grn.shape == "scalar" else c
        if grn.response == "l2":
            s = self.mean(layer, self.pointwise("mul", layer, x, x), "map")
            g = self.pointwise("mul", layer, s, self.pointwise("rsqrt", layer, s))
        else:
            g = self.mean(layer, x, "map")
        divisor = self.pointwise("maximum", layer, self.mean(layer, g, "channels"), constants=1)
        n = self.pointwise("div", layer, g, divisor)
        scaled = self.pointwise("mul", layer, n, constants=gammas, parameters=gammas)
        gain = self.pointwise("add", layer, scaled, constants=1)
        y = self.pointwise("mul", layer, x, gain, relu=relu and grn.response == "mean")
        if grn.response == "l2":
            y = self.pointwise("add", layer, y, relu=relu, constants=gammas, parameters=gammas)
        return y


@singledispatch
def operators(unit: Unit, graph: Builder, *inputs: int) -> int:
    """Add a unit's operators to the graph; a unit from outside does it itself.

    Args:
        unit: Of a whole program, so that its `layer` is unique.
        graph: What is built so far.
        inputs: Numbers of the tensors that the unit reads.

    Returns:
        The number of its output tensor.
    """
    return unit.operators(graph, *inputs)


@operators.register(Conv)
def _(unit: Conv, graph: Builder, x: int) -> int:
    return graph.conv(unit.layer, x, unit.channels, kernel=unit.kernel, stride=unit.stride, relu=unit.relu)


@operators.register(DepthwiseConv)
def _(unit: DepthwiseConv, graph: Builder, x: int) -> int:
    width = graph.tensors[x][3]
    return graph.conv(unit.layer, x, width, kernel=unit.kernel, stride=unit.stride, depthwise=True, relu=unit.relu)


@operators.register(ResponseNorm)
def _(unit: ResponseNorm, graph: Builder, x: int) -> int:
    return graph.grn(unit.layer, x, unit.grn, unit.relu)


@operators.register(Pool)
def _(unit: Pool, graph: Builder, x: int) -> int:
    return graph.average_pool(unit.layer, x, unit.stride)


@operators.register(Sum)
def _(unit: Sum, graph: Builder, a: int, b: int) -> int:
    return graph.pointwise("add", unit.layer, a, b, relu=unit.relu)


def build(architecture: Architecture) -> Graph:
    """The deployment graph of an architecture, from the int8 log-mel (1, mels, frames, 1) to the logits (1, 1, 1, classes)."""
    graph = Builder()
    start = graph.tensor((1, architecture.front_end.mels, architecture.front_end.frames, 1))
    found = {INPUT: start}
    for unit in architecture.program:
        found[unit.name] = operators(unit, graph, *(found[i] for i in unit.inputs))
    out = graph.mean("pool", found[HEAD], "map")
    return Graph(tuple(graph.tensors), tuple(graph.operators), (start,), (out,))
