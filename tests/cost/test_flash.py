"""The predicted file size against files as they are written."""

from __future__ import annotations

import random

import pytest
import torch

from hwasc.cost import graph as deployment
from hwasc.cost.flash import flash
from hwasc.deploy import tflite
from hwasc.models import build
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.presets import cp_mobile, dcase2024_baseline
from hwasc.records.space import SearchSpace
from hwasc.testing.examples import TRAINING_CLIPS
from hwasc.training.quantization import calibrate, quantize

pytestmark = pytest.mark.slow


def architectures() -> list[Architecture]:
    rng = random.Random(11)
    presets = [cp_mobile(base=8), cp_mobile(base=16, grn=None), cp_mobile(), dcase2024_baseline()]
    spaces = [SearchSpace.load("full"), SearchSpace.load("small")]
    return presets + [s.architecture(random_point(s, rng), rng.choice((2, 10, 12))) for s in spaces for _ in range(4)]


@pytest.mark.parametrize("a", architectures(), ids=lambda a: a.id)
def test_predicted_bytes_are_within_two_percent(a: Architecture) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 1, a.front_end.mels, a.front_end.frames)
    model = calibrate(quantize(build(a).eval()), [x], correct_bias=False)
    written = len(tflite.to_bytes(model, tuple(f"scene {i}" for i in range(a.classes)), clips=TRAINING_CLIPS))
    assert flash(a, deployment.build(a)) == pytest.approx(written, rel=0.02)
