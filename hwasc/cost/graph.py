"""The deployment graph: int8 tensors and operators as they run on the chip, from an architecture, without torch.

It is the one description that costs are counted on, files are written from and reports are drawn from. Tensors are NHWC
(batch 1, frequency, time, channels) in the order in which the file holds them; batch norm is folded, ReLU fused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hwasc.records.architecture import GRN, Architecture, Block, Stride

Kind = Literal["conv", "depthwise", "average_pool", "add", "mul", "div", "mean", "maximum", "rsqrt"]
Shape = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: `inputs` and `output` index the graph's tensors; constants are counted, not listed as tensors.

    weights: int8 constants (bytes); biases: int32 constants (count); folded_norm: channels of the batch norm folded in;
    parameters: what the float model trains for it; macs: multiply-accumulates of the operator as it runs.
    """

    kind: Kind
    layer: str
    inputs: tuple[int, ...]
    output: int
    kernel: int = 1
    stride: Stride = (1, 1)
    relu: bool = False
    weights: int = 0
    biases: int = 0
    folded_norm: int = 0
    parameters: int = 0
    macs: int = 0


@dataclass(frozen=True)
class Graph:
    """Tensors by index (int8, one byte an element), operators in the order of their run, and what goes in and out."""

    tensors: tuple[Shape, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass
class _Builder:
    padding: str
    tensors: list[Shape] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def tensor(self, shape: Shape) -> int:
        self.tensors.append(shape)
        return len(self.tensors) - 1

    def conv(self, layer: str, x: int, channels: int, kernel: int, stride: Stride, depthwise: bool, relu: bool) -> int:
        _, h, w, c = self.tensors[x]
        h, w = -(-h // stride[0]), -(-w // stride[1])  # TFLite's SAME and torch's k // 2 give the same size
        y = self.tensor((1, h, w, channels))
        weights = kernel * kernel * channels * (1 if depthwise else c)
        self.operators.append(
            Operator(
                "depthwise" if depthwise else "conv",
                layer,
                (x,),
                y,
                kernel,
                stride,
                relu,
                weights,
                channels,
                channels,
                weights + 2 * channels,
                weights * h * w,
            )
        )
        return y

    def average_pool(self, layer: str, x: int, stride: Stride) -> int:
        _, h, w, c = self.tensors[x]
        y = self.tensor((1, -(-h // stride[0]), -(-w // stride[1]), c))
        self.operators.append(Operator("average_pool", layer, (x,), y, 3, stride))
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

    def block(self, layer: str, x: int, b: Block) -> int:
        grn_at_sum = b.grn is not None and b.grn.at == "sum"
        # The mean response is taken of the rectified map; the L2 response, as published, before the block's ReLU.
        relu_before = not (grn_at_sum and b.grn is not None and b.grn.response == "l2")
        y = self.conv(f"{layer}.expand", x, b.expanded, 1, (1, 1), False, True)
        y = self.conv(f"{layer}.depthwise", y, b.expanded, b.kernel, b.stride, True, True)
        if b.grn is not None and b.grn.at == "expanded":
            y = self.grn(f"{layer}.grn", y, b.grn, relu=b.grn.response == "mean")
        y = self.conv(f"{layer}.project", y, b.channels, 1, (1, 1), False, relu_before and not b.shortcut)
        if b.shortcut:
            kept = x if b.stride == (1, 1) else self.average_pool(f"{layer}.shortcut", x, b.stride)
            y = self.pointwise("add", f"{layer}.sum", kept, y, relu=relu_before)
        if b.grn is not None and grn_at_sum:
            y = self.grn(f"{layer}.grn", y, b.grn, relu=True)
        return y


def build(architecture: Architecture) -> Graph:
    """The deployment graph of an architecture, from the int8 log-mel (1, mels, frames, 1) to the logits (1, 1, 1, classes)."""
    g = _Builder(architecture.padding)
    start = x = g.tensor((1, architecture.front_end.mels, architecture.front_end.frames, 1))
    for i, (channels, stride) in enumerate(zip(architecture.stem, architecture.stem_strides, strict=True)):
        x = g.conv(f"stem.{i}", x, channels, 3, stride, False, True)
    for i, block in enumerate(architecture.blocks):
        x = g.block(f"blocks.{i}", x, block)
    x = g.conv("head", x, architecture.classes, 1, (1, 1), False, False)
    out = g.mean("pool", x, "map")
    return Graph(tuple(g.tensors), tuple(g.operators), (start,), (out,))
