"""TF-SepNet: half of the channels are convolved along frequency, the other half along time.

Cai, Zhang, Li, "TF-SepNet: An Efficient 1D Kernel Design in CNNs for Low-Complexity Acoustic Scene Classification",
ICASSP 2024 (arXiv 2309.08200); residual normalization: Kim et al., "Domain Generalization on Efficient Acoustic Scene
Classification using Residual Normalization", DCASE Workshop 2021 (arXiv 2111.06531).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hwasc.models.blocks import ConvUnit
from hwasc.models.teachers.family import Family
from hwasc.records.blocks import Stride
from hwasc.records.front_end import FrontEnd

FRONT_END = FrontEnd(hop=500, mels=256, frames=65)  # CP-Mobile's, as the authors' DCASE 2024 code takes it
STAGES = ((2, 1.0, False), (2, 1.5, True), (2, 2.0, True), (3, 2.5, False))  # blocks, channels per width, pooled before


class ResidualNorm(nn.Module):
    """Frequency-wise instance norm mixed with its input, which removes a device's frequency response; same shape.

    FIN(x) has mean 0 and variance 1 over channels and time in each frequency row of each clip. Adaptive:
    gamma * (rho * x + (1 - rho) * FIN(x)) + beta, all learned per channel; fixed: 0.1 * x + FIN(x).
    """

    def __init__(self, channels: int, adaptive: bool) -> None:
        super().__init__()
        self.adaptive = adaptive
        if adaptive:
            self.rho = nn.Parameter(torch.full((1, channels, 1, 1), 0.5))
            self.gamma = nn.Parameter(torch.ones(1, channels, 1, 1))
            self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, dim=(1, 3), correction=0, keepdim=True)
        scale = (variance + 1e-5).rsqrt()  # FIN(x) = scale * x - scale * mean
        if not self.adaptive:
            return torch.addcmul(-scale * mean, x, 0.1 + scale)
        # Merged into one product and one sum over the map: otherwise this norm would take most of this net's time.
        share = self.gamma * (1 - self.rho)
        return torch.addcmul(self.beta - share * scale * mean, x, self.gamma * self.rho + share * scale)


class Path(nn.Module):
    """x + broadcast of: depthwise convolution along axis 2 (frequency) or 3 (time), mean over it, 1 x 1, dropout."""

    averages = True  # the outputs of its kernels are averaged over the whole axis: see `receptive_field`

    def __init__(self, channels: int, axis: int, dropout: float) -> None:
        super().__init__()
        self.axis = axis
        kernel, padding = ((3, 1), (1, 0)) if axis == 2 else ((1, 3), (0, 1))
        self.along = nn.Sequential(
            nn.Conv2d(channels, channels, kernel, padding=padding, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.mix = nn.Sequential(ConvUnit(channels, channels), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mix(self.along(x).mean(self.axis, keepdim=True))


class SeparateConvolutions(nn.Module):
    """1 x 1 where channels change, channel shuffle, the frequency path for one half, the time path for the other."""

    def __init__(self, inputs: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.transition = nn.Identity() if inputs == channels else ConvUnit(inputs, channels)
        self.frequency = Path(channels // 2, 2, dropout)
        self.time = Path(channels // 2, 3, dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.transition(x)
        # Interleaving the halves (a shuffle of two groups) gives each path channels of both paths of the block before.
        a, b = x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2).chunk(2, dim=1)
        return torch.cat((self.frequency(a), self.time(b)), dim=1)


class TFSepNet(nn.Module):
    """Log-mel (B, 1, mels, frames) -> logits (B, classes); channels of width x 1, 1.5, 2, 2.5, width a multiple of 4.

    TF-SepNet-64 with the fixed norm has the published 126,858 parameters at 10 classes; the adaptive norm adds 1,728.
    `stem_stride` is that of the second stem convolution, (2, 2) as published. ValueError for other widths.
    """

    def __init__(
        self,
        classes: int,
        width: int = 64,
        *,
        adaptive: bool = True,
        stem_stride: Stride = (2, 2),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width < 4 or width % 4:
            raise ValueError(f"width must be a positive multiple of 4 (1.5 and 2.5 times it are halved), found {width}")
        layers: list[nn.Module] = [
            ConvUnit(1, width // 2, 3, (2, 2), padding="torch"),
            ConvUnit(width // 2, 2 * width, 3, stem_stride, depthwise=True, padding="torch"),
            ResidualNorm(2 * width, adaptive),
        ]
        inputs = 2 * width
        for blocks, multiplier, pooled in STAGES:
            if pooled:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))  # ceil: 16 frames must survive the halvings
            channels = int(multiplier * width)
            for _ in range(blocks):
                layers.append(SeparateConvolutions(inputs, channels, dropout))
                inputs = channels
            layers.append(ResidualNorm(channels, adaptive))
        self.features = nn.Sequential(*layers)
        self.head = nn.Conv2d(inputs, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x)).mean((2, 3))


def build(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    """Build TF-SepNet. It was designed for 256 mels and more: below 128 the second stem convolution has no stride over frequency.

    Args:
        classes: How many.
        width: Channels, a positive multiple of 4; 40 and 64 in the paper.
        front_end: Of its inputs.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The width is no positive multiple of 4.
    """
    return TFSepNet(classes, width, stem_stride=(2 if front_end.mels >= 128 else 1, 2))


FAMILY = Family(
    name="tf_sepnet",
    make=build,
    width=40,
    about="separate time and frequency paths; width = channels (paper: 40, 64)",
    paper=FRONT_END,
    global_context="all bins and frames by their means",
)
