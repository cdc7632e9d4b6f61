"""BC-ResNet: most of the work in one dimension (time), broadcast back over frequency.

Kim, Chang, Lee, Sung, "Broadcasted Residual Learning for Efficient Keyword Spotting", Interspeech 2021 (arXiv
2106.04140); sub-spectral normalization: Chang et al., ICASSP 2021 (arXiv 2103.13620). This is the net of that paper, of
which the acoustic scene variants (BC-ResNet-ASC, -Mod) change the strides and the normalization.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.blocks import ConvUnit
from hwasc.models.teachers.family import Family
from hwasc.records.front_end import FrontEnd

FRONT_END = FrontEnd(16_000, n_fft=512, window=480, hop=160, mels=40, frames=101, f_max=8_000.0)  # 30 ms, every 10 ms
BANDS = 5
STAGES = (  # blocks, channels per width, stride over frequency, dilation over time
    (2, 8, 1, 1),
    (2, 12, 2, 2),
    (4, 16, 2, 4),
    (4, 20, 1, 8),
)


class SubSpectralNorm(nn.Module):
    """Batch norm with its own statistics and affine for each of BANDS frequency bands; (B, C, F, T), F >= BANDS.

    The bands differ by at most one row when F is no multiple, so that any number of mels will do.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(BANDS))

    def forward(self, x: Tensor) -> Tensor:
        short, longer = divmod(x.shape[2], BANDS)
        bands = x.split([short + (i < longer) for i in range(BANDS)], dim=2)
        return torch.cat([norm(band) for norm, band in zip(self.norms, bands, strict=True)], dim=2)


class BroadcastBlock(nn.Module):
    """relu(x + f2(x) + broadcast(f1(mean over frequency of f2(x)))); without x where channels change (a transition).

    f2: frequency-depthwise 3 x 1 with sub-spectral norm (after a 1 x 1 in a transition); f1: temporal-depthwise 1 x 3
    with batch norm and swish, 1 x 1, dropout of whole channels.
    """

    def __init__(self, inputs: int, channels: int, *, stride: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.residual = inputs == channels
        self.mix = nn.Identity() if self.residual else ConvUnit(inputs, channels)
        self.frequency = nn.Sequential(
            nn.Conv2d(channels, channels, (3, 1), (stride, 1), padding=(1, 0), groups=channels, bias=False),
            SubSpectralNorm(channels),
        )
        along_time = nn.Conv2d(
            channels,
            channels,
            (1, 3),
            padding=(0, dilation),
            dilation=(1, dilation),
            groups=channels,
            bias=False,
        )
        pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        layers = [along_time, nn.BatchNorm2d(channels), nn.SiLU(), pointwise, nn.Dropout2d(dropout)]
        self.time = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y = self.frequency(self.mix(x))
        y = y + self.time(y.mean(2, keepdim=True))
        return F.relu(x + y if self.residual else y)


class BCResNet(nn.Module):
    """Log-mel (B, 1, mels, frames) -> logits (B, classes); mels >= 40. `width` is the paper's tau (1 to 8)."""

    def __init__(self, classes: int, width: int = 3, dropout: float = 0.1) -> None:
        super().__init__()
        inputs = 16 * width
        layers: list[nn.Module] = [ConvUnit(1, inputs, 5, (2, 1), padding="torch")]
        for blocks, channels, stride, dilation in STAGES:
            for i in range(blocks):
                block = BroadcastBlock(
                    inputs,
                    channels * width,
                    stride=stride if i == 0 else 1,
                    dilation=dilation,
                    dropout=dropout,
                )
                layers.append(block)
                inputs = channels * width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Conv2d(inputs, inputs, 5, padding=(0, 2), groups=inputs, bias=False),  # from 40 mels: one row is left
            ConvUnit(inputs, 32 * width),
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(32 * width, classes, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x)).flatten(1)


def build(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    """Build BC-ResNet.

    Args:
        classes: How many.
        width: The paper's tau, 1 to 8.
        front_end: Of its inputs, at least 40 mels.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The front end has fewer than 40 mels.
    """
    if front_end.mels < 40:
        raise ValueError(f"bc_resnet needs at least 40 mels, found {front_end.mels}")
    return BCResNet(classes, width)


FAMILY = Family(
    name="bc_resnet",
    make=build,
    width=3,
    about="broadcasted residuals, sub-spectral norm; width = tau (paper: 1 to 8)",
    paper=FRONT_END,
    global_context="all bins by their mean",
)
