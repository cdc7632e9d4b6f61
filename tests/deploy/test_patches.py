"""Files that run in frequency patches: the same logits, the memory that was predicted, and verbs that can read them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.cost import graph as deployment
from hwasc.cost import persistent
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.cost.patch_choice import costs
from hwasc.cost.patch_stretches import stretches
from hwasc.cost.patches import in_patches, patched
from hwasc.errors import UsageError
from hwasc.models import build
from hwasc.models.student import Student
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.patches import Patches, Stretch
from hwasc.records.presets import cp_mobile, dcase2024_baseline
from hwasc.records.space import SearchSpace
from hwasc.training.quantization import calibrate, quantize

pytest.importorskip("tflite_micro")
from hwasc.deploy import profiling, tflite
from hwasc.deploy.interpreter import Interpreter, Runtime, read_about
from hwasc.deploy.patch_options import PatchOptions

SMALL = Architecture(
    FrontEnd.for_clip(64, 17),
    (8, 16),
    (
        InvertedResidual(3, 32, 16, (1, 1), True, GRN("channel", "sum")),
        InvertedResidual(5, 32, 16, (2, 2), True, GRN("scalar", "expanded", "l2")),
    ),
    3,
)


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    with Interpreter() as one:
        yield one


def student(a: Architecture) -> Student:
    torch.manual_seed(0)
    clip = torch.randn(2, 1, a.front_end.mels, a.front_end.frames)
    return calibrate(quantize(build(a).eval()), [clip], correct_bias=False)


def random_patches(a: Architecture, rng: random.Random) -> Patches | None:
    """One or two stretches anywhere."""
    graph, found, at = deployment.build(a), [], 0
    for _ in range(2):
        starts = [i for i in range(at, len(graph.operators)) if stretches(graph, i)]
        if not starts:
            break
        start = rng.choice(starts[: 1 + len(starts) // 2])
        one = Stretch(rng.randint(2, 5), start, rng.choice(stretches(graph, start)))
        if in_patches(graph, a.padding, Patches((one,))) is not None:
            found.append(one)
            at = one.stop
    return Patches(tuple(found)) if found else None


def check(a: Architecture, ways: list[Patches], interpreter: Interpreter, folder: Path) -> None:
    model, path, names = student(a), folder / "m.tflite", ("a",) * a.classes
    interpreter.load(tflite.export(model, path, names))
    clips = np.random.default_rng(0).integers(-128, 128, (2, *interpreter.input.shape[1:])).astype(np.int8)
    expected = interpreter.run(clips)
    for number, patches in enumerate(ways):
        graph = patched(a, patches).graph
        offline = plan_offline(graph) if number == 0 else plan_greedy(graph)  # it is slow
        for planner, plan in (("greedy", plan_greedy(graph)), ("offline", offline)):
            path.write_bytes(tflite.to_bytes(model, names, planner, patches=patches))  # type: ignore[arg-type]
            interpreter.load(path)
            found, text = interpreter.allocation, f"{a.text()}: {patches}, {planner}"
            assert np.array_equal(interpreter.run(clips), expected), text
            assert (found.head, found.tail) == (plan.head, persistent.tail(a, graph)), text
            assert abs(path.stat().st_size / costs(a, patches).flash - 1) < 0.08, text
            if offline.planner == "greedy":
                break


def test_a_small_net_in_patches(interpreter: Interpreter, tmp_path: Path) -> None:
    rng = random.Random(1)
    ways = [patches for _ in range(4) if (patches := random_patches(SMALL, rng))]
    check(SMALL, [Patches((Stretch(2, 0, 6),)), *ways], interpreter, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("a", "patches"),
    [
        (dcase2024_baseline(), Patches((Stretch(4, 0, 15),))),
        (cp_mobile(), Patches((Stretch(5, 0, 6), Stretch(3, 15, 22)))),
    ],
    ids=["baseline", "cp_mobile"],
)
def test_presets_in_patches(a: Architecture, patches: Patches, interpreter: Interpreter, tmp_path: Path) -> None:
    check(a, [patches], interpreter, tmp_path)


@pytest.mark.slow
def test_random_nets_in_random_patches(interpreter: Interpreter, tmp_path: Path) -> None:
    """Both paddings, kernels 3 and 5, every stride and form of GRN, odd heights."""
    rng, space, checked = random.Random(3), SearchSpace.load("full"), 0
    for i in range(6):
        a = space.architecture(random_point(space, rng), 4)
        if i % 2:
            channels, blocks = 12, []
            for _ in range(3):
                width, stride = rng.choice([channels, 20]), rng.choice([(1, 1), (2, 2), (2, 1)])
                grn = rng.choice([None, GRN("channel", "sum", rng.choice(["mean", "l2"]))])
                kernel = rng.choice([1, 3, 5])
                blocks.append(InvertedResidual(kernel, 24, width, stride, width == channels, grn))
                channels = width
            front_end = FrontEnd.for_clip(rng.randint(50, 99), rng.randint(9, 20))
            a = Architecture(front_end, (5, 12), tuple(blocks), 4, padding=rng.choice(["same", "torch"]))
        ways = [patches for _ in range(2) if (patches := random_patches(a, rng))]
        checked += len(ways)
        check(a, ways, interpreter, tmp_path)
    assert checked > 6


def test_a_file_says_how_it_runs_and_is_measured_so(tmp_path: Path) -> None:
    path = tflite.EXPORTER.export(
        student(SMALL), tmp_path / "m.tflite", ("a", "b", "c"), "greedy", options=PatchOptions("2")
    )
    patches = read_about(path).patches
    assert patches is not None and all(s.count == 2 for s in patches.stretches)
    (line,) = tflite.EXPORTER.summary(path)
    assert line.startswith("patches (operators 1 to ") and "more MACs" in line
    arena = profiling.measure_arena(SMALL, path)
    assert arena.head == arena.predicted_head == plan_greedy(patched(SMALL, patches).graph).head
    found = profiling.profile(SMALL, model=path).patches
    assert found is not None and found.chosen.patches == patches and found.chosen.arena >= arena.total
    runtime = Runtime(path)
    assert runtime.logits(np.zeros((1, 1, 64, 17), np.float32)).shape == (1, 3)
    runtime.close()


def test_patches_that_cannot_be_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="patches 'many': expected auto or a number"):
        PatchOptions("many")
    flat = Architecture(FrontEnd.for_clip(8, 9), (4, 8), (InvertedResidual(3, 16, 8),), 3)
    with pytest.raises(UsageError, match="cannot run in 9 patches"):
        tflite.export(student(flat), tmp_path / "m.tflite", ("a", "b", "c"), options=PatchOptions(9))
    assert not (tmp_path / "m.tflite").exists()
