"""The residual with a kernel for each axis: expand 1x1, depthwise k x 1 over frequency, 1 x k over time, project 1x1.

Factorised kernels are of Szegedy et al. (CVPR 2016, section 3.2), where a ReLU between the two was better than none. Nets for
scenes take frequency and time apart, too (BC-ResNet, Kim et al., 2021; TF-SepNet, Cai et al., 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwasc.records.blocks.residual import Residual
from hwasc.records.blocks.units import INPUT, Conv, DepthwiseConv, Unit


@dataclass(frozen=True)
class AxisResidual(Residual):
    """Expand 1x1, depthwise k x 1, depthwise 1 x k, project 1x1: 2 k numbers a channel instead of k x k."""

    kind: ClassVar[str] = "axis"

    def filters(self) -> tuple[Unit, ...]:
        """See `Residual.filters`."""
        over_frequency, over_time = self.stride
        return (
            Conv("expand", (INPUT,), channels=self.expanded),
            DepthwiseConv("frequency", ("expand",), kernel=(self.kernel, 1), stride=(over_frequency, 1)),
            DepthwiseConv("time", ("frequency",), kernel=(1, self.kernel), stride=(1, over_time)),
        )
