"""The depthwise-separable block (MobileNet, Howard et al., 2017): depthwise k x k, then 1x1, and no expansion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwasc.records.blocks import INPUT, Block, Choices, Conv, DepthwiseConv, Stride


@dataclass(frozen=True)
class DepthwiseSeparable(Block):
    """Each convolution has batch norm and ReLU."""

    kernel: int
    channels: int
    stride: Stride = (1, 1)

    kind: ClassVar = "dws"
    letters: ClassVar = {"kernel": "k", "stride": "s", "channels": "c"}  # the text: dws_k3_s2x1_c32
    width_units: ClassVar = {"channels": "pointwise"}  # which unit makes so many channels

    def units(self, inputs: int) -> tuple[DepthwiseConv, Conv]:
        return (
            DepthwiseConv("depthwise", (INPUT,), kernel=self.kernel, stride=self.stride),
            Conv("pointwise", ("depthwise",), channels=self.channels),
        )

    @classmethod
    def from_choices(cls, choices: Choices) -> DepthwiseSeparable:
        return cls(choices.kernel, choices.width, choices.stride)
