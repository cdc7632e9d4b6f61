"""MobileNetV3-Large for log-mels, the kind that EfficientAT trained on AudioSet.

Schmid, Koutini, Widmer, "Efficient Large-Scale Audio Tagging via Transformer-to-CNN Knowledge Distillation", ICASSP 2023
(arXiv 2211.04772): one input channel, else the net of Howard et al., "Searching for MobileNetV3", ICCV 2019 (arXiv
1905.02244, table 1), with squeeze-and-excitation over channels. Modules are in the order and under the names that their
checkpoints have, but for the gate's (`docs/teachers.md`). Momentum of the batch norms is torch's 0.1: trainings are short.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.teachers.family import Family
from hwasc.records.blocks import make_divisible
from hwasc.records.front_end import FrontEnd

# as PaSST's, its teacher: 25 ms every 10 ms up to 15 kHz
FRONT_END = FrontEnd(n_fft=1024, window=800, hop=320, mels=128, frames=101, f_max=15_000.0)
STEM, LAST = 16, 1280
BLOCKS = (  # kernel, expanded channels, channels, squeeze-and-excitation, hard-swish (else ReLU), stride
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)


def unit(
    inputs: int,
    channels: int,
    kernel: int = 1,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: nn.Module | None = None,
) -> nn.Sequential:
    """Convolution, batch norm, and an activation where one is given.

    Args:
        inputs: Channels of the input.
        channels: Of the output.
        kernel: Size over frequency and time; the padding is k // 2.
        stride: Over frequency and time.
        groups: Of the convolution.
        activation: After the batch norm.

    Returns:
        The layers in order.
    """
    conv = nn.Conv2d(inputs, channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(channels, eps=1e-3)]
    return nn.Sequential(*layers, *([activation] if activation else []))


class SqueezeExcitation(nn.Module):
    """x times a gate per channel: sigmoid(fc2(relu(fc1(mean over the map)))), squeezed four times; same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = make_divisible(channels // 4)
        self.fc1, self.fc2 = nn.Linear(channels, squeezed), nn.Linear(squeezed, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = F.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class InvertedResidual(nn.Module):
    """Expand (where channels grow), depthwise, squeeze-and-excitation, project; plus the input where shapes agree."""

    def __init__(
        self, inputs: int, channels: int, *, kernel: int, expanded: int, excite: bool, swish: bool, stride: int
    ) -> None:
        super().__init__()

        def activation() -> nn.Module:
            return nn.Hardswish() if swish else nn.ReLU()

        layers: list[nn.Module] = [unit(inputs, expanded, activation=activation())] if expanded != inputs else []
        layers.append(unit(expanded, expanded, kernel, stride=stride, groups=expanded, activation=activation()))
        layers += [SqueezeExcitation(expanded)] if excite else []
        self.block = nn.Sequential(*layers, unit(expanded, channels))
        self.residual = stride == 1 and inputs == channels

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.residual else self.block(x)


class MobileNetV3(nn.Module):
    """Log-mel (B, inputs, mels, frames) -> logits (B, classes); `width` is ten times the multiplier: mn10 has 1.0.

    With one input it has 5,482,744 parameters at width 10 and 1,000 classes: torchvision's 5,483,032 minus two input channels
    of the stem.
    """

    def __init__(self, classes: int, width: int = 10, dropout: float = 0.2, inputs: int = 1) -> None:
        super().__init__()

        def scaled(channels: int) -> int:
            return make_divisible(channels * width / 10)

        layers: list[nn.Module] = [unit(inputs, scaled(STEM), 3, stride=2, activation=nn.Hardswish())]
        channels = scaled(STEM)
        for kernel, expanded, out, excite, swish, stride in BLOCKS:
            block = InvertedResidual(
                channels,
                scaled(out),
                kernel=kernel,
                expanded=scaled(expanded),
                excite=excite,
                swish=swish,
                stride=stride,
            )
            layers.append(block)
            channels = scaled(out)
        layers.append(unit(channels, 6 * channels, activation=nn.Hardswish()))
        self.features = nn.Sequential(*layers)
        hidden, logits = nn.Linear(6 * channels, scaled(LAST)), nn.Linear(scaled(LAST), classes)
        pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.classifier = nn.Sequential(*pooled, hidden, nn.Hardswish(), nn.Dropout(dropout), logits)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


def build(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    """Build MobileNetV3 of one input channel.

    Args:
        classes: How many.
        width: Ten times the width multiplier.
        front_end: Of its inputs; any.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).
    """
    return MobileNetV3(classes, width)


FAMILY = Family(
    name="mobilenet_v3",
    make=build,
    width=8,
    about="inverted residuals, squeeze-and-excitation; width = multiplier x 10 (paper: 1 to 40)",
    paper=FRONT_END,
    global_context="the whole map's mean by squeeze-and-excitation",
)
