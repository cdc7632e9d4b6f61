"""The tail is the interpreter's to the byte, and the arena that is asked for suffices without waste."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from hwasc.cost import graph as deployment
from hwasc.cost import persistent
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.errors import DataError
from hwasc.models import build
from hwasc.models.student import Student
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile, dcase2024_baseline
from hwasc.training.quantization import calibrate, quantize

pytest.importorskip("tflite_micro")
from hwasc.deploy import tflite
from hwasc.deploy.interpreter import Interpreter

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    with Interpreter() as one:
        yield one


def student(a: Architecture) -> Student:
    """Quantized on one clip of noise: memory does not depend on the numbers."""
    torch.manual_seed(0)
    clip = torch.randn(1, 1, a.front_end.mels, a.front_end.frames)
    return calibrate(quantize(build(a).eval()), [clip], correct_bias=False)


def random_architectures(count: int, seed: int) -> list[Architecture]:
    """Odd channel counts, every stride, padding and GRN, maps from 40 x 17 down to one cell.

    Not too narrow: untrained, a net of a channel or two can be dead, and the interpreter aborts on steps of 1e-10.
    """
    rng, out = random.Random(seed), []
    for _ in range(count):
        stem = (rng.randint(3, 9), rng.randint(5, 20))
        channels, blocks = stem[1], []
        for _ in range(rng.randint(0, 4)):
            width = rng.choice([channels, rng.randint(5, 30)])
            place = (rng.choice(["scalar", "channel"]), rng.choice(["sum", "expanded"]), rng.choice(["mean", "l2"]))
            strides = (rng.choice([1, 2]), rng.choice([1, 2]))
            shortcut = width == channels and rng.random() < 0.8
            grn = rng.choice([None, GRN(*place)])
            blocks.append(
                InvertedResidual(rng.choice([1, 3, 5]), rng.choice([3, 17, 90]), width, strides, shortcut, grn)
            )
            channels = width
        front_end = FrontEnd.for_clip(rng.randint(2, 40), rng.randint(2, 17))
        padding = rng.choice(["same", "torch"])
        out.append(Architecture(front_end, stem, tuple(blocks), rng.randint(2, 20), padding=padding))
    return out


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in (1, 2))])
def test_tails_are_the_interpreters_and_arenas_suffice(part: int, interpreter: Interpreter, tmp_path: Path) -> None:
    for a in random_architectures(14, part):
        plan = plan_greedy(deployment.build(a))
        path = tflite.export(student(a), tmp_path / "m.tflite", ("a",) * a.classes)
        interpreter.load(path)
        found = interpreter.allocation
        assert found.tail == persistent.tail(a), a.text()
        arena = persistent.arena(a, plan.head)
        interpreter.load(path, arena)
        assert interpreter.allocation == found, a.text()
        with pytest.raises(DataError):
            interpreter.load(path, arena - 32)


@pytest.mark.parametrize("a", [dcase2024_baseline(), cp_mobile()], ids=["baseline", "cp_mobile"])
def test_the_presets_load_in_their_arena_under_either_plan(
    a: Architecture, interpreter: Interpreter, tmp_path: Path
) -> None:
    model, graph = student(a), deployment.build(a)
    for planner, plan in (("greedy", plan_greedy(graph)), ("offline", plan_offline(graph))):
        path = tflite.export(model, tmp_path / "m.tflite", ("a",) * a.classes, planner)  # type: ignore[arg-type]
        arena = persistent.arena(a, plan.head)
        interpreter.load(path, arena)
        assert arena == plan.head + persistent.tail(a) == interpreter.allocation.total
        with pytest.raises(DataError):
            interpreter.load(path, arena - 16)


def test_deep_nets_on_small_maps_need_more_to_load_than_to_run(interpreter: Interpreter, tmp_path: Path) -> None:
    a = Architecture(FrontEnd.for_clip(8, 5), (2, 4), (InvertedResidual(3, 4, 4, (1, 1), True, GRN()),) * 12, 3)
    plan = plan_greedy(deployment.build(a))
    path = tflite.export(student(a), tmp_path / "m.tflite", ("a", "b", "c"))
    arena = persistent.arena(a, plan.head)
    interpreter.load(path, arena)
    assert interpreter.allocation.total < 0.8 * arena
    with pytest.raises(DataError):
        interpreter.load(path, arena - 32)
