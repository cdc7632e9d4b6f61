"""A single 1x1 convolution: as the last stage, the wider features before the pooling (the last layer of MobileNetV2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from hwasc.records.blocks.base import Block, Choices
from hwasc.records.blocks.units import INPUT, Conv, Stride, Unit


@dataclass(frozen=True)
class Pointwise(Block):
    """1x1 convolution, batch norm, ReLU.

    Attributes:
        channels: Output channels.
        stride: (frequency, time), each 1 or 2.
    """

    channels: int
    stride: Stride = (1, 1)

    kind: ClassVar[str] = "pointwise"
    letters: ClassVar[Mapping[str, str]] = {"stride": "s", "channels": "c"}
    width_units: ClassVar[Mapping[str, str]] = {"channels": "conv"}

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise ValueError("channels must be at least 1")
        if not all(s in (1, 2) for s in self.stride):
            raise ValueError(f"strides are 1 or 2, found {self.stride}")

    def units(self, inputs: int) -> tuple[Unit, ...]:
        """The program; see `Block`."""
        return (Conv("conv", (INPUT,), channels=self.channels, stride=self.stride),)

    @classmethod
    def from_choices(cls, choices: Choices) -> Pointwise:
        """Make the block of a point of a search space; expansion, kernel and GRN have no meaning."""
        return cls(choices.width, choices.stride)
