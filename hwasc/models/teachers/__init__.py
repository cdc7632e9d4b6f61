"""The teachers: a record that says which one, and `build`. Families are found by name in `hwasc.parts.TEACHERS`.

The families differ in build, not only in size, so that their errors differ and the ensemble gains. A new one is a module with
a `Family` and a name in the registry, which puts it under the shared contract test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hwasc.errors import UsageError
from hwasc.models.teachers.family import Family, provide
from hwasc.models.teachers.reach import receptive_field
from hwasc.parts import TEACHERS
from hwasc.records.architecture import FrontEnd
from hwasc.records.schema import STRICT

__all__ = ["LAPTOP", "Description", "Family", "TeacherSpec", "build", "describe", "provide", "receptive_field"]


LAPTOP = FrontEnd.for_clip(64, 33)  # what all families hear unless told otherwise


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
        try:
            family: Family = TEACHERS.get(self.family)
        except UsageError as e:
            raise ValueError(str(e)) from None
        if self.width < 0:
            raise ValueError(f"width must be at least 1 (or 0 for the family's default), found {self.width}")
        if self.width == 0:
            object.__setattr__(self, "width", family.width)


def build(spec: TeacherSpec, classes: int) -> nn.Module:
    """A freshly initialised teacher, (B, 1, mels, frames) -> logits (B, classes), by torch's global generator.

    ValueError where the family cannot take the width or the front end.
    """
    if classes < 2:
        raise ValueError(f"at least two classes are needed, found {classes}")
    family: Family = TEACHERS.get(spec.family)
    return family(classes, spec.width, spec.front_end)


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
    return Description(spec, parameters, macs, receptive_field(model), TEACHERS.get(spec.family).beyond)
