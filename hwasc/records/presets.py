"""Nets by name: CP-Mobile (Schmid et al., DCASE 2023), the DCASE 2024 baseline, and students of the paper's size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual, Stride
from hwasc.records.blocks.base import make_divisible
from hwasc.records.edp import edp_31k, edp_60k
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import front_end as published


def cp_mobile(
    base: int = 32,
    multiplier: float = 2.3,
    expansion: float = 3.0,
    blocks: tuple[int, ...] = (3, 2, 1),
    strides: Mapping[int, Stride] | None = None,
    grn: Literal["none", "scalar", "channel"] = "scalar",
    classes: int = 10,
    front_end: FrontEnd | None = None,
) -> Architecture:
    """CP-Mobile. By default, at its published log-mel of 256 x 64: 126,952 parameters and 28,893,268 MACs by the torchinfo rule.

    Args:
        base: Channels of the stem.
        multiplier: Stage i (from 0) has `make_divisible(base * multiplier ** i)` channels.
        expansion: Expanded channels of a block over its input channels.
        blocks: Blocks of each stage.
        strides: (frequency, time) strides by block number, from 1 over the whole net; None: {2: (2, 2), 4: (2, 1)}.
        grn: Global response normalization.
        classes: Scenes.
        front_end: Its log-mel; None: the published one, `cp_mobile_2023` of `hwasc.records.front_ends`, for clips of 1 s.

    Returns:
        The architecture.
    """
    chosen = {2: (2, 2), 4: (2, 1)} if strides is None else dict(strides)
    norm = None if grn == "none" else GRN(grn, "sum", "l2")
    channels = base
    out: list[InvertedResidual] = []
    for stage, depth in enumerate(blocks):
        width = make_divisible(base * multiplier**stage)
        for _ in range(depth):
            stride = chosen.get(len(out) + 1, (1, 1))
            expanded = make_divisible(channels * expansion)
            out.append(
                InvertedResidual(
                    kernel=3, expanded=expanded, channels=width, stride=stride, shortcut=channels == width, grn=norm
                )
            )
            channels = width
    front_end = front_end or published("cp_mobile_2023", 1.0)
    return Architecture(front_end, (base // 4, base), tuple(out), classes, padding="torch")


def dcase2024_baseline(classes: int = 10) -> Architecture:
    """The DCASE 2024 task 1 baseline at its own log-mel of 256 x 65: 61,148 parameters, 29,419,156 MACs by the torchinfo rule."""
    return cp_mobile(
        base=32,
        multiplier=1.8,
        expansion=2.1,
        blocks=(3, 2, 1),
        strides={3: (1, 2), 4: (2, 1)},
        grn="none",
        classes=classes,
        front_end=published("dcase2024_baseline", 1.0),
    )


# functions of `classes`, by default ten as in DCASE
PRESETS: dict[str, Callable[..., Architecture]] = {
    "dcase2024_baseline": dcase2024_baseline,
    "cp_mobile": cp_mobile,
    "cp_mobile_24": partial(cp_mobile, 24),
    "cp_mobile_16": partial(cp_mobile, 16),
    "cp_mobile_8": partial(cp_mobile, 8),
    "edp_60k": edp_60k,
    "edp_31k": edp_31k,
}
