"""CP-Mobile as a teacher: the student's own blocks, wider.

Schmid, Morocutti, Masoudian, Koutini, Widmer, "Distilling the Knowledge of Transformers and CNNs with CP-Mobile", DCASE
Workshop 2023; as a teacher of its own kind: Morocutti et al., "Creating a Good Teacher for Knowledge Distillation in
Acoustic Scene Classification" (arXiv 2503.11363). The record is `records.presets.cp_mobile`, the module the student's.
"""

from __future__ import annotations

from dataclasses import replace

from hwasc.models import student
from hwasc.models.student import Student
from hwasc.models.teachers.family import Family
from hwasc.records import presets
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import front_end as published

FRONT_END = published("cp_mobile_2023", 1.0)  # 96 ms of 32 kHz; with 65 frames it would pass 30 M MACs


def build(classes: int, width: int, front_end: FrontEnd) -> Student:
    """Build CP-Mobile.

    Args:
        classes: How many.
        width: Base channels, at least 4; in the paper 8 to 32, as a teacher 64 or more.
        front_end: Of its inputs.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The width is below 4.
    """
    if width < 4:
        raise ValueError(f"cp_mobile needs a width of at least 4 base channels, found {width}")
    return student.build(replace(presets.cp_mobile(width, classes=classes), front_end=front_end))


FAMILY = Family(
    name="cp_mobile",
    make=build,
    width=48,
    about="the student's blocks with GRN; width = base channels (paper: 8 to 32)",
    paper=FRONT_END,
    global_context="the whole map's norm by GRN",
)
