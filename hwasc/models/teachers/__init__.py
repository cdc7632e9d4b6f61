"""Teachers: the record of one, and `build`. Families are found by name in `hwasc.parts.TEACHERS`.

The families differ in structure, not only in size, so that their errors differ and the ensemble gains. A new one is a module
with a `Family` and a name in the registry; the shared contract test then runs on it too.
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
from hwasc.records.front_end import FrontEnd
from hwasc.records.schema import STRICT

__all__ = ["LAPTOP", "Description", "Family", "TeacherSpec", "build", "describe", "provide", "receptive_field"]


LAPTOP = FrontEnd.for_clip(64, 33)  # the default of all families


@dataclass(frozen=True)
class TeacherSpec:
    """A teacher: its family, its size and its front end.

    ValueError for an unknown family (the message names the nearest known one) and for a negative width.

    Attributes:
        family: A name in `hwasc.parts.TEACHERS`.
        width: Size of the net, in the family's unit; 0 stands for the family's default, by which it is replaced.
        front_end: Of the teacher's inputs.
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
    """Build a freshly initialised teacher by torch's global generator.

    Args:
        spec: The teacher.
        classes: How many; at least 2.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: There are too few classes, or the family cannot take the width or the front end.
    """
    if classes < 2:
        raise ValueError(f"at least two classes are needed, found {classes}")
    family: Family = TEACHERS.get(spec.family)
    return family(classes, spec.width, spec.front_end)


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a teacher costs, and how much of its input an output depends on.

    Attributes:
        spec: The teacher.
        parameters: Learned numbers.
        macs: Of a clip: half of the flops that torch's counter finds in convolutions and matrix products. The products inside
            attention are not counted.
        receptive_field: Of the kernels, bins x frames.
        global_context: See `Family`.
    """

    spec: TeacherSpec
    parameters: int
    macs: int
    receptive_field: tuple[int, int]
    global_context: str

    def __str__(self) -> str:
        s, context = self.spec, f" and {self.global_context}" * bool(self.global_context)
        return (
            f"{s.family} width {s.width} at {s.front_end.mels}x{s.front_end.frames}: {self.parameters:,} parameters, "
            f"{self.macs / 1e6:.1f} M MACs, receptive field {self.receptive_field[0]}x{self.receptive_field[1]}{context}"
        )


def describe(spec: TeacherSpec, classes: int) -> Description:
    """Build a teacher and measure its costs and its receptive field.

    Args:
        spec: The teacher.
        classes: How many; at least 2.

    Returns:
        The description.
    """
    model = build(spec, classes).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 1, spec.front_end.mels, spec.front_end.frames))
    parameters = sum(p.numel() for p in model.parameters())
    macs = counter.get_total_flops() // 2
    return Description(
        spec=spec,
        parameters=parameters,
        macs=macs,
        receptive_field=receptive_field(model),
        global_context=TEACHERS.get(spec.family).global_context,
    )
