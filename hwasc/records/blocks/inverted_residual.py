"""The inverted residual with GRN: expand 1x1, depthwise k x k, project 1x1 (MobileNetV2, Sandler et al., 2018; CP-Mobile)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwasc.records.blocks.residual import Residual
from hwasc.records.blocks.units import INPUT, Conv, DepthwiseConv, Unit


@dataclass(frozen=True)
class InvertedResidual(Residual):
    """Expand 1x1, depthwise k x k, project 1x1."""

    kind: ClassVar[str] = "ir"

    def filters(self) -> tuple[Unit, ...]:
        """See `Residual.filters`."""
        return (
            Conv("expand", (INPUT,), channels=self.expanded),
            DepthwiseConv("depthwise", ("expand",), kernel=self.kernel, stride=self.stride),
        )
