"""The supernet against students of their own: every slice is a student, and training moves what it should."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from hwasc.models.supernet import Supernet, recalibrate
from hwasc.nas.declare import random_point
from hwasc.records.space import FrontEndChoices, SearchSpace, Stage

SPACE = SearchSpace(
    "tiny", FrontEndChoices((20, 40), (17, 33)), (4, 8),
    (
        Stage((1, 2, 3), (8, 16), (1.5, 2, 3), (3, 5), ("1x1",), ("none", "scalar", "channel")),
        Stage((1, 2), (16, 24), (2, 3), (3, 5), ("1x1", "2x1", "2x2"), ("none", "scalar", "channel")),
    ),
    grn_at=("sum", "expanded"),
)  # fmt: skip
FULL = SearchSpace.load("full")


def batch(space: SearchSpace, point: dict[str, object], clips: int = 4) -> torch.Tensor:
    fe = space.front_end_at(point)
    return torch.randn(clips, 1, fe.mels, fe.frames, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("space", "count"), [(SPACE, 60), (FULL, 12)])
@pytest.mark.slow
def test_every_slice_is_the_student_of_its_point(space: SearchSpace, count: int) -> None:
    torch.manual_seed(0)
    net, rng = Supernet(space, 5), random.Random(0)
    for p in net.parameters():  # as after training: batch norms and GRN do something
        nn.init.normal_(p, 0.5, 0.2) if p.ndim < 2 or p.numel() < 200 else None
    for _ in range(count):
        point = random_point(space, rng)
        x = batch(space, point)
        student = net.student(point)
        assert student.architecture == space.architecture(point, 5)
        torch.testing.assert_close(student.train()(x), net(x, point))


def test_gradients_reach_the_slice_and_nothing_else() -> None:
    torch.manual_seed(0)
    net, rng = Supernet(SPACE, 5), random.Random(3)
    point = random_point(SPACE, rng)
    net(batch(SPACE, point), point).square().sum().backward()
    student = net.student(point)
    student.train()(batch(SPACE, point)).square().sum().backward()
    touched = sum(int((p.grad != 0).sum()) for p in net.parameters() if p.grad is not None)
    own = sum(int((p.grad != 0).sum()) for p in student.parameters() if p.grad is not None)
    assert touched == own > 0
    views = net.weights(point, student)
    for name, p in student.named_parameters():
        assert views[name].shape == p.shape


def test_the_shared_tensors_hold_every_choice() -> None:
    net = Supernet(SPACE, 5)
    names = set(net.shared)
    for kernel in (3, 5):
        assert f"stage2/1/depthwise{kernel}/conv/weight" in names
    for where in ("grn", "inner_grn"):
        for shape in ("scalar", "channel"):
            assert f"stage1/2/{where}_{shape}/gamma" in names
    assert tuple(net.shared["stage2/0/expand/conv/weight"].shape) == (48, 16, 1, 1)
    assert tuple(net.shared["head/conv/weight"].shape) == (5, 24, 1, 1)


def test_recalibrated_statistics_are_the_data_s() -> None:
    torch.manual_seed(0)
    net = Supernet(SPACE, 5)
    point = random_point(SPACE, random.Random(5))
    x = batch(SPACE, point, 64) * 3 + 2
    student = recalibrate(net.student(point), [x])
    assert not student.training
    with torch.no_grad():
        first = student.stem[0].conv(student.stem[0].pad(x))  # type: ignore[operator]
    bn = student.stem[0].bn
    torch.testing.assert_close(bn.running_mean, first.mean((0, 2, 3)), rtol=1e-3, atol=1e-3)  # type: ignore[union-attr]
    torch.testing.assert_close(bn.running_var, first.var((0, 2, 3)), rtol=1e-3, atol=1e-3)  # type: ignore[union-attr]
    again = recalibrate(student, [x])
    torch.testing.assert_close(again.stem[0].bn.running_mean, first.mean((0, 2, 3)), rtol=1e-3, atol=1e-3)  # type: ignore
