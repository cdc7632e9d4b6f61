"""The student: an architecture record as a torch module."""

from __future__ import annotations

from torch import Tensor, nn

from hwasc.models.blocks import Block, ConvUnit
from hwasc.records.architecture import Architecture


class Student(nn.Module):
    """Log-mel (B, 1, mels, frames) -> logits (B, classes). `architecture` is the record that it was built from.

    `input` and `output` are identities in float; quantization replaces them by the input and output quantizers.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.input: nn.Module = nn.Identity()
        a, channels = architecture, 1
        stem = []
        for width, stride in zip(a.stem, a.stem_strides, strict=True):
            stem.append(ConvUnit(channels, width, 3, stride, padding=a.padding))
            channels = width
        self.stem = nn.Sequential(*stem)
        blocks = []
        for block in a.blocks:
            blocks.append(Block(channels, block, a.padding))
            channels = block.channels
        self.blocks = nn.Sequential(*blocks)
        self.head = ConvUnit(channels, a.classes, relu=False)
        self.pool: nn.Module = GlobalMean()
        self.output: nn.Module = nn.Identity()

    @property
    def quantized(self) -> bool:
        """Whether it computes in int8 numbers."""
        return not isinstance(self.input, nn.Identity)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """The output of the blocks, (B, channels, F, T), for log-mels (B, 1, mels, frames)."""
        y: Tensor = self.blocks(self.stem(self.input(x)))
        return y

    def classify(self, features: Tensor) -> Tensor:
        """Logits (B, classes) from the output of the blocks."""
        y: Tensor = self.output(self.pool(self.head(features)))
        return y


class GlobalMean(nn.Module):
    """Mean over frequency and time: (B, C, F, T) -> (B, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def build(architecture: Architecture) -> Student:
    """A freshly initialised float student; torch's global generator decides the weights."""
    return Student(architecture)
