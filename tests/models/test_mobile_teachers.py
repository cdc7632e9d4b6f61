"""The mobile families against what was published of them: MobileNetV3 (EfficientAT), CP-Mobile."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hwasc.models import student
from hwasc.models.teachers import TeacherSpec, build
from hwasc.models.teachers.mobilenet_v3 import MobileNetV3
from hwasc.parts import TEACHERS
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import front_end
from hwasc.records.presets import cp_mobile


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_mobilenet_v3_large_has_torchvisions_count() -> None:
    with torch.device("meta"):
        assert count(MobileNetV3(1000, 10, inputs=3)) == 5_483_032
        assert count(MobileNetV3(1000, 10)) == 5_483_032 - 2 * 16 * 3 * 3  # two input channels fewer


@pytest.mark.parametrize(
    (
        "width",
        "million",
        "billion_macs",
    ),  # EfficientAT's table: mn04 to mn40 on AudioSet's 527 classes, 10 s at 128 mels
    [(4, 0.983, 0.11), (5, 1.43, 0.16), (10, 4.88, 0.54), (20, 17.91, 2.06), (30, 39.09, 4.55), (40, 68.43, 8.03)],
)
@pytest.mark.slow
def test_mobilenet_v3_has_the_published_size_and_cost(width: int, million: float, billion_macs: float) -> None:
    with torch.device("meta"):
        model = MobileNetV3(527, width).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.zeros(1, 1, 128, 1000))
    assert abs(count(model) / 1e6 - million) < (0.001 if million < 1 else 0.005)
    assert abs(counter.get_total_flops() / 2e9 - billion_macs) < 0.005


def test_cp_mobile_is_the_preset_and_the_students_module() -> None:
    family = TEACHERS.get("cp_mobile")
    model = build(TeacherSpec("cp_mobile", 32, family.paper), 10)
    assert isinstance(model, student.Student) and model.architecture == cp_mobile() and count(model) == 126_952
    assert cp_mobile().front_end == family.paper == front_end("cp_mobile_2023", 1.0)
    assert build(TeacherSpec("cp_mobile", 8, FrontEnd.for_clip(40, 16)), 3).architecture.front_end.mels == 40


def test_cp_mobile_refuses_a_width_that_leaves_no_stem() -> None:
    with pytest.raises(ValueError, match="at least 4 base channels, found 3"):
        build(TeacherSpec("cp_mobile", 3), 10)
