"""The form that most kinds of block have: expand, filter, project, with a shortcut and GRN. Kinds differ in how they filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from hwasc.records.blocks.base import Block, Choices, make_divisible
from hwasc.records.blocks.units import GRN, INPUT, Conv, Pool, ResponseNorm, Stride, Sum, Unit

Self = TypeVar("Self", bound="Residual")


@dataclass(frozen=True)
class Residual(Block):
    """Expand, filter, project 1x1, each with batch norm.

    Attributes:
        kernel: Of the filter, odd.
        expanded: Channels between expansion and projection.
        channels: Output channels.
        stride: (frequency, time), each 1 or 2.
        shortcut: Whether the input is added to the output, average-pooled where the stride is above 1.
        grn: Global response normalization; None: none.
    """

    kernel: int
    expanded: int
    channels: int
    stride: Stride = (1, 1)
    shortcut: bool = False
    grn: GRN | None = None

    letters: ClassVar[Mapping[str, str]] = {
        "kernel": "k", "stride": "s", "expanded": "e", "channels": "c", "shortcut": "skip", "grn": "grn",
    }  # fmt: skip
    width_units: ClassVar[Mapping[str, str]] = {"expanded": "expand", "channels": "project"}

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, found {self.kernel}")
        if min(self.expanded, self.channels) < 1:
            raise ValueError("expanded and channels must be at least 1")
        if not all(s in (1, 2) for s in self.stride):
            raise ValueError(f"strides are 1 or 2, found {self.stride}")

    def filters(self) -> tuple[Unit, ...]:
        """The units from the block's input to the filtered map of `expanded` channels; the first one is named `expand`."""
        raise NotImplementedError

    def units(self, inputs: int) -> tuple[Unit, ...]:
        """The program; see `Block`."""
        grn, at_sum = self.grn, self.grn is not None and self.grn.at == "sum"
        # The mean response is taken of the rectified map; the L2 response at the sum, as published, before the block's ReLU.
        relu = not (grn is not None and at_sum and grn.response == "l2")
        program: list[Unit] = list(self.filters())
        if grn is not None and not at_sum:
            last = program[-1].name
            program.append(ResponseNorm("inner_grn", (last,), layer="grn", grn=grn, relu=grn.response == "mean"))
        program.append(Conv("project", (program[-1].name,), channels=self.channels, relu=relu and not self.shortcut))
        if self.shortcut:
            shortcut = INPUT
            if self.stride != (1, 1):
                shortcut = "shortcut"
                program.append(Pool(shortcut, (INPUT,), stride=self.stride))
            program.append(Sum("sum", (shortcut, "project"), relu=relu))
        if grn is not None and at_sum:
            program.append(ResponseNorm("grn", (program[-1].name,), grn=grn, relu=True))
        return tuple(program)

    @classmethod
    def from_choices(cls: type[Self], choices: Choices) -> Self:
        """Make the block of a point of a search space, with a shortcut where input and output channels are equal."""
        c = choices
        return cls(
            kernel=c.kernel,
            expanded=make_divisible(c.inputs * c.expansion),
            channels=c.width,
            stride=c.stride,
            shortcut=c.inputs == c.width,
            grn=c.grn,
        )
