"""The fused residual: a full k x k convolution expands and filters at once, then 1x1 projects (EfficientNetV2, Tan and Le, 2021).

It has more MACs than the inverted residual of the same widths, and no map of the expanded channels is read by a depthwise kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwasc.records.blocks.residual import Residual
from hwasc.records.blocks.units import INPUT, Conv, Unit


@dataclass(frozen=True)
class FusedResidual(Residual):
    """Expand by a k x k convolution with the block's stride, project 1x1."""

    kind: ClassVar[str] = "fused"

    def filters(self) -> tuple[Unit, ...]:
        """See `Residual.filters`."""
        return (Conv("expand", (INPUT,), channels=self.expanded, kernel=self.kernel, stride=self.stride),)
