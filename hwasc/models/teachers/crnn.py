"""CRNN: convolutions for local patterns, a bidirectional GRU for their development in time, attention pooling.

Cakir et al., "Convolutional Recurrent Neural Networks for Polyphonic Sound Event Detection", IEEE/ACM TASLP 2017 (arXiv
1702.06286), with the attention pooling of Kong et al. (arXiv 1711.00927), one weight a frame for all classes.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.blocks import ConvUnit
from hwasc.models.teachers.family import Family
from hwasc.records.front_end import FrontEnd

# 40 bands up to Nyquist, 40 ms, half overlapping
FRONT_END = FrontEnd(44_100, n_fft=2048, window=1764, hop=882, mels=40, frames=51, f_max=22_050.0)
BANDS = 4
STAGES = ((1, (2, 2)), (2, (2, 1)), (4, (2, 1)), (4, (1, 1)))  # channels per width, pooling over frequency x time


class AttentionPool(nn.Module):
    """Weighted mean over time, (B, T, C) -> (B, C); the weights start equal. No bias: it would not change the softmax."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Linear(channels, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def forward(self, x: Tensor) -> Tensor:
        return (F.softmax(self.score(x), dim=1) * x).sum(1)


class CRNN(nn.Module):
    """Log-mel (B, 1, mels, frames) -> logits (B, classes); mels >= 32.

    Convolutions of width x 1, 2, 4, 4 channels halve time once and frequency three times; the remaining frequency rows are
    averaged into 4 bands, so that the GRU (4 width units in each direction) can distinguish low from high frequencies.
    """

    def __init__(self, classes: int, width: int = 16, dropout: float = 0.2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for multiplier, pooling in STAGES:
            layers.append(ConvUnit(inputs, multiplier * width, 3))
            if pooling != (1, 1):
                layers.append(nn.MaxPool2d(pooling))
            inputs = multiplier * width
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d((BANDS, None)))
        self.gru = nn.GRU(BANDS * inputs, inputs, batch_first=True, bidirectional=True)
        self.pool = AttentionPool(2 * inputs)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        frames = self.features(x).flatten(1, 2).transpose(1, 2)  # (B, T, channels * bands)
        states, _ = self.gru(self.dropout(frames))
        return self.head(self.dropout(self.pool(states)))


def build(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    """Build CRNN.

    Args:
        classes: How many.
        width: Channels of the first convolution.
        front_end: Of its inputs; any of at least 32 mels.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).
    """
    return CRNN(classes, width)


FAMILY = Family(
    name="crnn",
    make=build,
    width=16,
    about="convolutions, bidirectional GRU, attention pooling; width = first channels",
    paper=FRONT_END,
    global_context="all frames by recurrence, all bins by four bands",
)
