"""The int8 file is what was trained: memory to the byte, logits to the step, the same bytes every time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwasc.cost import graph as deployment
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.deploy import tflite
from hwasc.deploy.flatfile import read_metadata
from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm
from hwasc.models.student import Student
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile, dcase2024_baseline
from hwasc.records.space import SearchSpace
from hwasc.training.quantization import calibrate, quantize

pytest.importorskip("tflite_micro")
from hwasc.deploy.interpreter import Interpreter, Runtime

pytestmark = pytest.mark.slow

CLASSES = ("airport", "bus <1>", "métro")


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    with Interpreter() as one:
        yield one


def student(a: Architecture, clips: int = 4) -> Student:
    """A calibrated student with lively GRN; few clips, for what is compared needs no good scales."""
    torch.manual_seed(0)
    model = build(a)
    for m in model.modules():
        if isinstance(m, GlobalResponseNorm):
            nn.init.uniform_(m.gamma, -0.5, 0.5)
    x = torch.randn(clips, 1, a.front_end.mels, a.front_end.frames)
    return calibrate(quantize(model.eval()), [x], correct_bias=False)


def odd_architectures(count: int) -> list[Architecture]:
    """Odd channel counts, kernels 1 to 7, every stride, both paddings, every GRN; some from the full space."""
    rng, space, out = random.Random(7), SearchSpace.load("full"), []
    for i in range(count):
        if i % 4 == 0:
            out.append(space.architecture(random_point(space, rng), rng.randint(2, 20)))
            continue
        stem = (rng.randint(1, 9), rng.randint(1, 20))
        channels, blocks = stem[1], []
        for _ in range(rng.randint(0, 4)):
            width = rng.choice([channels, rng.randint(1, 30)])
            response = rng.choice(["mean", "l2"])
            grn = rng.choice([None, GRN(rng.choice(["scalar", "channel"]), rng.choice(["sum", "expanded"]), response)])
            stride = rng.choice([(1, 1), (2, 2), (1, 2), (2, 1)])
            shortcut = width == channels and rng.random() < 0.8
            blocks.append(InvertedResidual(rng.choice([1, 3, 5, 7]), rng.randint(1, 40), width, stride, shortcut, grn))
            channels = width
        front_end = FrontEnd.for_clip(rng.randint(40, 128), rng.randint(9, 50))
        out.append(
            Architecture(front_end, stem, tuple(blocks), rng.randint(2, 20), padding=rng.choice(["same", "torch"]))
        )
    return out


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in (1, 2, 3))])
def test_heads_are_the_interpreters_and_outputs_do_not_depend_on_the_plan(
    part: int, interpreter: Interpreter, tmp_path: Path
) -> None:
    rng = np.random.default_rng(part)
    for a in odd_architectures(32)[part::4]:
        model, graph = student(a), deployment.build(a)
        greedy, offline = plan_greedy(graph), plan_offline(graph)
        interpreter.load(tflite.export(model, tmp_path / "g.tflite", CLASSES))
        assert interpreter.allocation.head == greedy.head, a.text()
        clips = rng.integers(-128, 128, (2, *interpreter.input.shape[1:])).astype(np.int8)
        expected = interpreter.run(clips)
        if offline.planner == "greedy":
            continue
        path = tflite.export(model, tmp_path / "o.tflite", CLASSES, "offline")
        interpreter.load(path)
        assert interpreter.allocation.head == offline.head < greedy.head, a.text()
        assert np.array_equal(interpreter.run(clips), expected), a.text()


@pytest.mark.parametrize("part", range(4))
def test_logits_are_the_students(part: int, interpreter: Interpreter, tmp_path: Path) -> None:
    for a in odd_architectures(16)[part::4]:
        model = student(a)
        interpreter.load(tflite.export(model, tmp_path / "m.tflite", CLASSES))
        x = torch.randn(8, 1, a.front_end.mels, a.front_end.frames)
        with torch.no_grad():
            student_logits = torch.round(model(x) / interpreter.output.scale).numpy()
        stored = torch.round(x / interpreter.input.scale).clamp(-128, 127).permute(0, 2, 3, 1).numpy().astype(np.int8)
        assert np.array_equal(interpreter.run(stored), student_logits), a.text()


@pytest.mark.parametrize(
    ("a", "greedy", "offline"),
    [(dcase2024_baseline(), 210_944, 174_080), (cp_mobile(), 229_376, None), (cp_mobile(base=8), 57_344, None)],
    ids=["baseline", "cp_mobile", "cp_mobile_8"],
)
def test_the_presets_to_the_byte(
    a: Architecture, greedy: int, offline: int | None, interpreter: Interpreter, tmp_path: Path
) -> None:
    model = student(a, 1)
    interpreter.load(tflite.export(model, tmp_path / "g.tflite", CLASSES))
    assert interpreter.allocation.head == greedy
    if offline:
        interpreter.load(tflite.export(model, tmp_path / "o.tflite", CLASSES, "offline"))
        assert interpreter.allocation.head == offline


def striped(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """An easy pattern: each of four classes is louder in its own quarter of the bands."""
    torch.manual_seed(seed)
    y = torch.randint(0, 4, (n,))
    x = torch.randn(n, 1, 40, 17)
    for row, label in enumerate(y.tolist()):
        x[row, :, 10 * label : 10 * label + 10] += 0.7
    return x, y


GRNS = [None, GRN(), GRN("channel", "expanded"), GRN("scalar", "sum", "l2"), GRN("channel", "expanded", "l2")]


@pytest.mark.parametrize(
    "grn", [*GRNS[:1], *GRNS[3:], *(pytest.param(g, marks=pytest.mark.long) for g in GRNS[1:3])], ids=str
)
def test_a_trained_student_decides_the_same_on_the_chip(grn: GRN | None, tmp_path: Path) -> None:
    blocks = (
        InvertedResidual(3, 24, 12, (1, 1), True, grn),
        InvertedResidual(5, 24, 12, (2, 2), True, grn),
        InvertedResidual(3, 32, 20, (2, 1)),
    )
    torch.manual_seed(0)
    model = build(Architecture(FrontEnd.for_clip(40, 17), (4, 12), blocks, 4))
    x, y = striped(512, 1)

    def fit(net: nn.Module, epochs: int, lr: float) -> None:
        optimizer = torch.optim.AdamW(net.parameters(), lr)
        net.train()
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(32):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
                optimizer.step()
        net.eval()

    fit(model, 5, 5e-3)
    quantized = calibrate(quantize(model), [x[:128]])
    fit(quantized, 1, 1e-3)
    test, labels = striped(400, 2)
    runtime = Runtime(tflite.export(quantized, tmp_path / "m.tflite", ("a", "b", "c", "d"), "offline"))
    chip = runtime.logits(test.numpy())
    runtime.close()
    with torch.no_grad():
        student_logits = quantized(test).numpy()
    assert np.mean(student_logits.argmax(1) == labels.numpy()) > 0.8, "it has learned something"
    assert np.allclose(chip, student_logits, atol=1e-6)


def test_the_same_weights_are_the_same_bytes_and_say_what_they_are(tmp_path: Path) -> None:
    model = student(odd_architectures(2)[1])
    names = tuple(f"scene {i}" for i in range(model.architecture.classes))
    for planner in ("greedy", "offline"):
        assert tflite.to_bytes(model, names, planner) == tflite.to_bytes(model, names, planner)
    path = tflite.export(model, tmp_path / "m.tflite", names)
    about = json.loads(read_metadata(path)["hwasc"])
    assert about["classes"] == list(names) and about["input"]["zero_point"] == 0
    assert about["architecture"]["front_end"]["mels"] == model.architecture.front_end.mels
    runtime = Runtime(path)
    runtime.close()
    assert runtime.architecture == model.architecture and runtime.classes == names and runtime.planner == "greedy"
    assert {p.name for p in tmp_path.iterdir()} == {"m.tflite"}


def test_a_layer_that_is_always_zero_still_runs(interpreter: Interpreter, tmp_path: Path) -> None:
    """Its scale has a floor: from 1e-10 on, the interpreter aborts on the next layer's multiplier."""
    a = Architecture(FrontEnd.for_clip(40, 17), (1, 4), (InvertedResidual(3, 8, 4, (1, 1), True, GRN()),), 3)
    model = build(a).eval()
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.constant_(m.bias, -50.0)
    dead = calibrate(quantize(model), [torch.randn(4, 1, 40, 17)])
    interpreter.load(tflite.export(dead, tmp_path / "m.tflite", CLASSES))
    assert np.ptp(interpreter.run(np.zeros((2, 40, 17, 1), np.int8)), axis=0).max() == 0
