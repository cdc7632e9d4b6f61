"""The deployment graph: int8 tensors and operators as they run on the chip, from an architecture, without torch.

Costs are counted on it, files are written from it, and reports are drawn from it. Tensors are NHWC (batch 1, frequency, time,
channels) in the order in which the file holds them; batch norm is folded, ReLU fused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch
from typing import Literal

from hwasc.records.architecture import HEAD, Architecture
from hwasc.records.blocks import GRN, INPUT, Conv, DepthwiseConv, Kernel, Pool, ResponseNorm, Stride, Sum, Unit
from hwasc.records.blocks.units import pair

Kind = Literal["conv", "depthwise", "average_pool", "add", "mul", "div", "mean", "maximum", "rsqrt", "slice", "concat"]
Shape = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator. Its constants are counted, not listed as tensors.

    Attributes:
        kind: The operation.
        layer: The name of the layer that it belongs to.
        inputs: Indices of the graph's tensors.
        output: Index of the graph's tensor.
        kernel: Over frequency and time; one number where it is square.
        stride: Over frequency and time.
        relu: Whether a ReLU is fused.
        weights: int8 constants, bytes.
        biases: int32 constants, count.
        folded_norm: Channels of the batch norm that is folded in.
        parameters: Learned numbers of the float model that this operator stands for.
        macs: Multiply-accumulates of the operator as it runs.
        start: Of a slice: the first row (frequency) that it takes.
        shares: Index of an earlier operator of the graph whose constants it uses; None: it has its own.
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
    start: int = 0
    shares: int | None = None

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
    """A deployment graph.

    Attributes:
        tensors: Shapes by index; int8, one byte an element.
        operators: In the order of their run.
        inputs: Indices of the net's inputs.
        outputs: Indices of the net's outputs.
    """

    tensors: tuple[Shape, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass
class Builder:
    """Builds a graph: each method adds one or more operators and returns the number of the output tensor.

    The argument `layer` of the methods is the name of the operators in tables and in the file. Tensors have numbers.

    Attributes:
        tensors: Shapes of the tensors so far.
        operators: The operators so far.
    """

    tensors: list[Shape] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def tensor(self, shape: Shape) -> int:
        """Add a tensor and return its number."""
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
        """Add a convolution with the batch norm after it folded in.

        Args:
            layer: Its name.
            x: Number of the input tensor.
            channels: Of the output.
            kernel: Over frequency and time; one number where it is square.
            stride: Over frequency and time.
            depthwise: Whether each channel is convolved by itself.
            relu: Whether a ReLU is fused.

        Returns:
            Number of the output tensor.
        """
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
        """Add 3 x 3 average pooling.

        Args:
            layer: Its name.
            x: Number of the input tensor.
            stride: Over frequency and time.

        Returns:
            Number of the output tensor.
        """
        _, h, w, c = self.tensors[x]
        y = self.tensor((1, -(-h // stride[0]), -(-w // stride[1]), c))
        self.operators.append(Operator("average_pool", layer, (x,), y, kernel=3, stride=stride))
        return y

    def pointwise(
        self, kind: Kind, layer: str, *inputs: int, relu: bool = False, constants: int = 0, parameters: int = 0
    ) -> int:
        """Add an elementwise operator; the output has the shape of its largest input (the others are broadcast).

        Args:
            kind: The operation.
            layer: Its name.
            inputs: Numbers of the input tensors.
            relu: Whether a ReLU is fused.
            constants: int8 constants that it reads, bytes.
            parameters: Learned numbers among them.

        Returns:
            Number of the output tensor.
        """
        shape = max((self.tensors[i] for i in inputs), key=lambda s: s[1] * s[2] * s[3])
        y = self.tensor(shape)
        macs = shape[1] * shape[2] * shape[3] if kind in ("mul", "div") else 0
        self.operators.append(
            Operator(kind, layer, inputs, y, relu=relu, weights=constants, parameters=parameters, macs=macs)
        )
        return y

    def mean(self, layer: str, x: int, over: Literal["map", "channels"]) -> int:
        """Add a mean; its axes stay, with one element.

        Args:
            layer: Its name.
            x: Number of the input tensor.
            over: `map`: over frequency and time; `channels`: over channels.

        Returns:
            Number of the output tensor.
        """
        _, h, w, c = self.tensors[x]
        y = self.tensor((1, 1, 1, c) if over == "map" else (1, h, w, 1))
        self.operators.append(Operator("mean", layer, (x,), y))
        return y

    def grn(self, layer: str, x: int, grn: GRN, relu: bool) -> int:
        """Add the operators of a GRN: x * (1 + gamma * g / mean(g)) (+ beta).

        The L2 response is s * rsqrt(s), where s is the mean of the squared map. The divisor is at least one step of its scale
        (`maximum`): the kernels do not define a quotient by zero.

        Args:
            layer: Their name.
            x: Number of the input tensor.
            grn: Shape of gamma, and the response.
            relu: Whether the result is rectified.

        Returns:
            Number of the output tensor.
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
    """Add a unit's operators to the graph; a unit of another package adds its own.

    Args:
        unit: Of a whole program, so that its `layer` is unique.
        graph: The graph so far.
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
