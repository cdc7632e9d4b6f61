"""The teachers: one table of families, a record that says which one, and `build`.

The families differ in build, not only in size, so that their errors differ and the ensemble gains. A new one is a
module with `build(classes, width, front_end)` and a row in FAMILIES, which puts it under the shared contract test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hwasc.models.teachers import bc_resnet, cp_mobile, cp_resnet, crnn, mobilenet_v3, patch_transformer, tf_sepnet
from hwasc.models.teachers.reach import receptive_field
from hwasc.records.architecture import FrontEnd
from hwasc.records.schema import STRICT
from hwasc.suggestion import did_you_mean

__all__ = ["FAMILIES", "LAPTOP", "Description", "Family", "TeacherSpec", "build", "describe", "receptive_field"]


LAPTOP = FrontEnd.for_clip(64, 33)  # what all families hear unless told otherwise


@dataclass(frozen=True)
class Family:
    """A way to build teachers: calling it with (classes, width, front_end) gives the module.

    `width` is the default, made for a laptop (5 to 15 million MACs at 64 mels x 33 frames); `about` is for people; `paper`
    is the front end of the paper for a clip of 1 s; `beyond`: what a unit sees besides its receptive field, and by what.
    """

    make: Callable[[int, int, FrontEnd], nn.Module]
    width: int
    about: str
    paper: FrontEnd
    beyond: str = ""

    def __call__(self, classes: int, width: int, front_end: FrontEnd) -> nn.Module:
        return self.make(classes, width, front_end)


# New ones go to the end: a family's place decides its seed, see `pipelines.teaching`.
FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "cp_resnet": Family(
            cp_resnet.build,
            32,
            "ResNet, regularised receptive field; width = channels (paper: 128)",
            cp_resnet.FRONT_END,
        ),
        "crnn": Family(
            crnn.build,
            16,
            "convolutions, bidirectional GRU, attention pooling; width = first channels",
            crnn.FRONT_END,
            "all frames by recurrence, all bins by four bands",
        ),
        "tf_sepnet": Family(
            tf_sepnet.build,
            40,
            "separate time and frequency paths; width = channels (paper: 40, 64)",
            tf_sepnet.FRONT_END,
            "all bins and frames by their means",
        ),
        "bc_resnet": Family(
            bc_resnet.build,
            3,
            "broadcasted residuals, sub-spectral norm; width = tau (paper: 1 to 8)",
            bc_resnet.FRONT_END,
            "all bins by their mean",
        ),
        "patch_transformer": Family(
            patch_transformer.build,
            64,
            "attention over patches, patchout; width = token size (paper: 768)",
            patch_transformer.FRONT_END,
            "all patches by attention",
        ),
        "cp_mobile": Family(
            cp_mobile.build,
            48,
            "the student's blocks with GRN; width = base channels (paper: 8 to 32)",
            cp_mobile.FRONT_END,
            "the whole map's norm by GRN",
        ),
        "mobilenet_v3": Family(
            mobilenet_v3.build,
            8,
            "inverted residuals, squeeze-and-excitation; width = multiplier x 10 (paper: 1 to 40)",
            mobilenet_v3.FRONT_END,
            "the whole map's mean by squeeze-and-excitation",
        ),
    }
)


@dataclass(frozen=True)
class TeacherSpec:
    """Which teacher: family, width (0 asks for the family's default, which the record then holds) and front end.

    ValueError for an unknown family, with the nearest known one, and for a negative width.
    """

    family: str
    width: int = 0
    front_end: FrontEnd = LAPTOP

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            hint = did_you_mean(self.family, FAMILIES, cutoff=0.4) or f", known: {', '.join(FAMILIES)}"
            raise ValueError(f"unknown teacher family '{self.family}'{hint}")
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


@dataclass(frozen=True)
class Description:
    """A teacher's cost and reach. macs: of a clip, half of what torch's flop counter finds in convolutions and matrix
    products (attention's own are not in it). receptive_field: bins x frames by kernels; beyond: see `Family`.
    """

    spec: TeacherSpec
    parameters: int
    macs: int
    receptive_field: tuple[int, int]
    beyond: str

    def __str__(self) -> str:
        s, beyond = self.spec, f" and {self.beyond}" * bool(self.beyond)
        return (
            f"{s.family} width {s.width} at {s.front_end.mels}x{s.front_end.frames}: {self.parameters:,} parameters, "
            f"{self.macs / 1e6:.1f} M MACs, sees {self.receptive_field[0]}x{self.receptive_field[1]}{beyond}"
        )


def describe(spec: TeacherSpec, classes: int) -> Description:
    """What a freshly built teacher costs and sees."""
    model = build(spec, classes).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 1, spec.front_end.mels, spec.front_end.frames))
    parameters = sum(p.numel() for p in model.parameters())
    macs = counter.get_total_flops() // 2
    return Description(spec, parameters, macs, receptive_field(model), FAMILIES[spec.family].beyond)
