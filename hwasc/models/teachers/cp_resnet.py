"""CP-ResNet: a ResNet that is regularised by the size of its receptive field.

Koutini, Eghbal-zadeh, Widmer, "Receptive Field Regularization Techniques for Audio Classification and Tagging with
Deep Convolutional Neural Networks", IEEE/ACM TASLP 2021 (arXiv 2105.12395); first in "The Receptive Field as a
Regularizer in Deep Convolutional Neural Networks for Acoustic Scene Classification", EUSIPCO 2019 (arXiv 1907.01803).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.blocks import ConvUnit
from hwasc.models.teachers.family import Family
from hwasc.records.front_end import FrontEnd

# 256 perceptually weighted mel bands of 22.05 kHz, window 2048, a quarter of it apart, as their DCASE 2019 code has it
FRONT_END = FrontEnd(22_050, n_fft=2048, window=2048, hop=512, mels=256, frames=44, f_max=11_025.0)
BLOCKS_PER_STAGE = 4
POOL_AFTER = (0, 1, 3)  # blocks, counted from the first
RHO = 8  # 167 bins; on the simulated scenes at 64 mels 82 % in one fold, where 39 bins (rho 2) reached 74 % with three
MAX_RHO = 2 * (3 * BLOCKS_PER_STAGE - 1)  # the first block is fixed, each other one holds two free convolutions


def kernels(rho: int) -> list[tuple[int, int]]:
    """The two kernel sizes of each of the 12 blocks: (3, 1) first, then `rho` convolutions of 3, the others of 1.

    ValueError unless 0 <= rho <= 22.
    """
    if not 0 <= rho <= MAX_RHO:
        raise ValueError(f"rho must be between 0 and {MAX_RHO}, found {rho}")
    free = [3 if k < rho else 1 for k in range(MAX_RHO)]
    return [(3, 1), *zip(free[::2], free[1::2], strict=True)]


class ResidualBlock(nn.Module):
    """relu(bn(conv(relu(bn(conv(x))))) + shortcut); the shortcut is a 1 x 1 convolution where channels change."""

    def __init__(self, inputs: int, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.first = ConvUnit(inputs, channels, kernel[0])
        self.second = ConvUnit(channels, channels, kernel[1], relu=False)
        self.shortcut = nn.Identity() if inputs == channels else ConvUnit(inputs, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


class CPResNet(nn.Module):
    """Log-mel (B, 1, mels, frames) -> logits (B, classes); stages of width, 2 width and 4 width channels.

    The paper has width 128; `rho` sets the receptive field. ValueError for rho outside 0..22.
    """

    def __init__(self, classes: int, width: int = 32, rho: int = RHO) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvUnit(1, width, 5, (2, 2), padding="torch")]
        inputs = width
        for i, kernel in enumerate(kernels(rho)):
            channels = width * 2 ** (i // BLOCKS_PER_STAGE)
            layers.append(ResidualBlock(inputs, channels, kernel))
            if i in POOL_AFTER:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))  # ceil: 16 frames must survive four halvings
            inputs = channels
        self.features = nn.Sequential(*layers)
        self.head = ConvUnit(inputs, classes, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x)).mean((2, 3))


def build(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    """Build CP-ResNet with the default receptive field.

    Args:
        classes: How many.
        width: Channels of the first stage; 128 in the paper.
        front_end: Of its inputs; any.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).
    """
    return CPResNet(classes, width)


FAMILY = Family(
    name="cp_resnet",
    make=build,
    width=32,
    about="ResNet, regularised receptive field; width = channels (paper: 128)",
    paper=FRONT_END,
)
