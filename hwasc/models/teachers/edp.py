"""Larger variants of the student: expand–depthwise–project blocks with GRN, with different hyper-parameters.

Five of the eight teachers of arXiv 2512.13905 are larger variants of its student with different hyper-parameters. Which ones is
not public, so these five are our choice. Each differs from `hwasc.records.edp.edp` in one thing besides its width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hwasc.models import student
from hwasc.models.student import Student
from hwasc.models.teachers.family import Family
from hwasc.records.blocks import GRN
from hwasc.records.edp import edp
from hwasc.records.front_end import FrontEnd

FRONT_END = FrontEnd.for_clip(256, 64)


@dataclass(frozen=True)
class Variant:
    """Builds a variant of the student: (classes, width, front_end) -> log-mel (B, 1, mels, frames) -> logits (B, classes).

    The width is the base channels, at least 4 (ValueError below); 32 in the preset `edp_60k`. A record and not a closure, so
    that other processes get an equal one.

    Attributes:
        chosen: What differs from the preset's shape: names and values of `hwasc.records.edp.edp`.
    """

    chosen: tuple[tuple[str, Any], ...]

    def __call__(self, classes: int, width: int, front_end: FrontEnd) -> Student:
        return student.build(edp(width, classes=classes, front_end=front_end, **dict(self.chosen)))


def _family(name: str, *, width: int, about: str, response: str = "mean", **chosen: Any) -> Family:
    return Family(
        name=name,
        make=Variant(tuple(chosen.items())),
        width=width,
        about=f"the student {about}; width = base channels (edp_60k: 32)",
        paper=FRONT_END,
        global_context=f"the whole map's {response} by GRN",
    )


WIDE = _family("edp_wide", width=40, about="in its own shape, wider")
DEEP = _family("edp_deep", width=32, about="with half as many blocks again", blocks=(3, 3, 3))
EXPANDED = _family("edp_expanded", width=32, about="with an expansion of 6", expansion=6.0)
KERNEL5 = _family("edp_kernel5", width=40, about="with depthwise kernels of 5 x 5", kernel=5)
INNER_GRN = _family(
    "edp_inner_grn",
    width=40,
    about="with GRN on the L2 norm of its expanded channels, as in ConvNeXt V2",
    response="norm",
    grn=GRN("channel", "expanded", "l2"),
)
