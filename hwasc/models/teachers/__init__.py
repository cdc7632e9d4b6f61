"""The teachers: one table of families, a record that says which one, and `build`.

The families differ in build, not only in size, so that their errors differ and the ensemble gains. A new one is a
module with `build(classes, width, front_end)` and a row in FAMILIES, which puts it under the shared contract test.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hwasc.models.teachers import bc_resnet, cp_mobile, cp_resnet, crnn, mobilenet_v3, patch_transformer, tf_sepnet
from hwasc.records.architecture import FrontEnd
from hwasc.records.schema import STRICT

__all__ = ["FAMILIES", "Family", "TeacherSpec", "build", "describe"]


@dataclass(frozen=True)
class Family:
    """A way to build teachers: calling it with (classes, width, front_end) gives the module.

    `width` is the default, made for a laptop (5 to 15 million MACs at 64 mels x 33 frames); `about` is for people.
    """

    make: Callable[[int, int, FrontEnd], nn.Module]
    width: int
    about: str

    def __call__(self, classes: int, width: int, front_end: FrontEnd) -> nn.Module:
        return self.make(classes, width, front_end)


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "cp_resnet": Family(cp_resnet.build, 32, "ResNet, regularised receptive field; width = channels (paper: 128)"),
        "bc_resnet": Family(
            bc_resnet.build, 3, "broadcasted residuals, sub-spectral norm; width = tau (paper: 1 to 8)"
        ),
        "tf_sepnet": Family(tf_sepnet.build, 64, "separate time and frequency paths; width = channels (paper: 40, 64)"),
        "patch_transformer": Family(
            patch_transformer.build, 64, "attention over patches, patchout; width = token size"
        ),
        "cp_mobile": Family(
            cp_mobile.build, 48, "the student's blocks with GRN; width = base channels (paper: 8 to 32)"
        ),
        "mobilenet_v3": Family(
            mobilenet_v3.build,
            8,
            "inverted residuals, squeeze-and-excitation; width = multiplier x 10 (paper: 1 to 40)",
        ),
        "crnn": Family(crnn.build, 16, "convolutions, bidirectional GRU, attention pooling; width = first channels"),
    }
)


@dataclass(frozen=True)
class TeacherSpec:
    """Which teacher: family, width (0 asks for the family's default, which the record then holds) and front end.

    ValueError for an unknown family, with the nearest known one, and for a negative width.
    """

    family: str
    width: int = 0
    front_end: FrontEnd = field(default_factory=FrontEnd)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            near = difflib.get_close_matches(self.family, FAMILIES, 1, 0.4)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(FAMILIES)}"
            raise ValueError(f"unknown teacher family '{self.family}', {hint}")
        if self.width < 0:
            raise ValueError(f"width must be at least 1 (or 0 for the family's default), found {self.width}")
        if self.width == 0:
            object.__setattr__(self, "width", FAMILIES[self.family].width)


def build(spec: TeacherSpec, classes: int) -> nn.Module:
    """A freshly initialised teacher, (B, 1, mels, frames) -> logits (B, classes), by torch's global generator.

    ValueError where the family cannot take the width or the front end.
    """
    if classes < 2:
        raise ValueError(f"at least two classes are needed, found {classes}")
    return FAMILIES[spec.family](classes, spec.width, spec.front_end)


def describe(spec: TeacherSpec, classes: int) -> str:
    """One line for people: family, width, parameters, MACs of a clip, receptive field (bins x frames) where it has one.

    MACs: half of what torch's flop counter finds in convolutions and matrix products (attention's own are not in it).
    """
    front_end, model = spec.front_end, build(spec, classes).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 1, front_end.mels, front_end.frames))
    line = (
        f"{spec.family} width {spec.width} at {front_end.mels}x{front_end.frames}: "
        f"{sum(p.numel() for p in model.parameters()):,} parameters, {counter.get_total_flops() / 2e6:.1f} M MACs"
    )
    seen = getattr(model, "receptive_field", None)
    return line + (f", receptive field {seen[0]}x{seen[1]}" if seen else "")
