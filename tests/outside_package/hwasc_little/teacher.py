"""A plain stack of convolutions."""

from __future__ import annotations

from torch import nn

from hwasc.models.teachers import Family
from hwasc.records.front_end import FrontEnd


def build(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    """Log-mels (B, 1, mels, frames) to logits (B, classes)."""
    layers: list[nn.Module] = []
    inputs = 1
    for channels in (width, 2 * width, 4 * width):
        layers += [nn.Conv2d(inputs, channels, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        inputs = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


FAMILY = Family(
    name="little",
    make=build,
    width=32,
    about="three strided convolutions; width = first channels",
    paper=FrontEnd.for_clip(64, 33),
)
