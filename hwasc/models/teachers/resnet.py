"""A classic ResNet with basic blocks, as in torchvision, for one channel of log-mel.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016 (arXiv 1512.03385). The tensors have torchvision's
names, so that its weights can be read; only the first convolution differs, which has one input channel here and three there.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.teachers.family import Family
from hwasc.records.front_end import FrontEnd

DEPTHS = (2, 2, 2, 2)  # blocks of each stage: ResNet-18


class Downsample(nn.Sequential):
    """The 1 x 1 convolution of a shortcut, where the shape changes."""

    parallel = True  # to the block's kernels, which reach further; see `receptive_field`


class BasicBlock(nn.Module):
    """relu(bn(conv(relu(bn(conv(x))))) + shortcut): (B, inputs, F, T) -> (B, channels, F / stride, T / stride)."""

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = (
            None
            if stride == 1 and inputs == channels
            else Downsample(nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """Log-mel (B, 1, mels, frames) -> logits (B, classes); stages of width, 2, 4 and 8 times width channels.

    Args:
        classes: How many.
        width: Channels of the first stage; 64 in the paper.
        depths: Blocks of each of the four stages.
    """

    def __init__(self, classes: int, width: int, depths: tuple[int, int, int, int] = DEPTHS) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        stages, inputs = [], width
        for stage, depth in enumerate(depths):
            channels = width * 2**stage
            blocks = []
            for i in range(depth):
                blocks.append(BasicBlock(inputs, channels, 2 if i == 0 and stage else 1))
                inputs = channels
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        return self.fc(self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3)))


def build(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    """Build a ResNet-18.

    Args:
        classes: How many.
        width: Channels of the first stage; 64 in the paper.
        front_end: Of its inputs; any.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).
    """
    return ResNet(classes, width)


FAMILY = Family(
    name="resnet",
    make=build,
    width=24,
    about="ResNet-18, large receptive field; width = channels (paper: 64)",
    paper=FrontEnd.for_clip(256, 64),
)
