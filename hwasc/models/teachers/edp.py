"""Larger variants of the student: expand–depthwise–project blocks with GRN, with different hyper-parameters.

Five of the eight teachers of arXiv 2512.13905 are larger variants of its student with different hyper-parameters. Which ones is
not public, so these five are our choice. Each differs from `hwasc.records.edp.edp` in one thing besides its width.
"""

from __future__ import annotations

from typing import Any

from hwasc.models import student
from hwasc.models.student import Student
from hwasc.models.teachers.family import Family
from hwasc.records.blocks import GRN
from hwasc.records.edp import edp
from hwasc.records.front_end import FrontEnd

FRONT_END = FrontEnd.for_clip(256, 64)
GLOBAL = "the whole map's mean by GRN"


def _build(classes: int, width: int, front_end: FrontEnd, **chosen: Any) -> Student:
    return student.build(edp(width, classes=classes, front_end=front_end, **chosen))


def build_wide(classes: int, width: int, front_end: FrontEnd) -> Student:
    """Build the student's own shape, wider.

    Args:
        classes: How many.
        width: Base channels, at least 4; 32 in the preset `edp_60k`.
        front_end: Of its inputs.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The width is below 4.
    """
    return _build(classes, width, front_end)


def build_deep(classes: int, width: int, front_end: FrontEnd) -> Student:
    """Build it with half as many blocks again.

    Args:
        classes: How many.
        width: Base channels, at least 4.
        front_end: Of its inputs.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The width is below 4.
    """
    return _build(classes, width, front_end, blocks=(3, 3, 3))


def build_expanded(classes: int, width: int, front_end: FrontEnd) -> Student:
    """Build it with six times as many channels between expansion and projection.

    Args:
        classes: How many.
        width: Base channels, at least 4.
        front_end: Of its inputs.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The width is below 4.
    """
    return _build(classes, width, front_end, expansion=6.0)


def build_kernel5(classes: int, width: int, front_end: FrontEnd) -> Student:
    """Build it with depthwise kernels of 5 x 5.

    Args:
        classes: How many.
        width: Base channels, at least 4.
        front_end: Of its inputs.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The width is below 4.
    """
    return _build(classes, width, front_end, kernel=5)


def build_inner_grn(classes: int, width: int, front_end: FrontEnd) -> Student:
    """Build it with GRN on the L2 norm of the expanded channels, as in ConvNeXt V2.

    Args:
        classes: How many.
        width: Base channels, at least 4.
        front_end: Of its inputs.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The width is below 4.
    """
    return _build(classes, width, front_end, grn=GRN("channel", "expanded", "l2"))


WIDE = Family(
    name="edp_wide",
    make=build_wide,
    width=40,
    about="the student's shape, wider; width = base channels (edp_60k: 32)",
    paper=FRONT_END,
    global_context=GLOBAL,
)
DEEP = Family(
    name="edp_deep",
    make=build_deep,
    width=32,
    about="the student with half as many blocks again; width = base channels",
    paper=FRONT_END,
    global_context=GLOBAL,
)
EXPANDED = Family(
    name="edp_expanded",
    make=build_expanded,
    width=32,
    about="the student with an expansion of 6; width = base channels",
    paper=FRONT_END,
    global_context=GLOBAL,
)
KERNEL5 = Family(
    name="edp_kernel5",
    make=build_kernel5,
    width=40,
    about="the student with kernels of 5; width = base channels",
    paper=FRONT_END,
    global_context=GLOBAL,
)
INNER_GRN = Family(
    name="edp_inner_grn",
    make=build_inner_grn,
    width=40,
    about="the student with GRN inside its blocks; width = base channels",
    paper=FRONT_END,
    global_context="the whole map's norm by GRN",
)
