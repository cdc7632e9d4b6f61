"""Branched students fold into students of the same architecture that compute the same."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from hwasc.models import build
from hwasc.models.branches import BranchedUnit, add_branches, fold_branches
from hwasc.models.student import Student
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile
from hwasc.records.space import SearchSpace


def net(a: Architecture, seed: int) -> Student:
    """With statistics, gains and offsets as after some training."""
    torch.manual_seed(seed)
    return build(a)


def disturb(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            for tensor, low in (
                (m.weight.data, 0.3),
                (m.bias.data, -0.5),
                (m.running_mean, -0.5),
                (m.running_var, 0.5),
            ):
                assert tensor is not None
                tensor.copy_(low + torch.rand(tensor.shape, generator=generator))


def architectures(count: int) -> list[Architecture]:
    rng, space = random.Random(4), SearchSpace.load("full")
    return [space.architecture(random_point(space, rng), 5, 1.0) for _ in range(count)]


ODD = Architecture(
    FrontEnd.for_clip(37, 22),
    (4, 8),
    (
        InvertedResidual(5, 16, 8, (1, 1), True, GRN("channel", "expanded")),
        InvertedResidual(5, 16, 8, (2, 2), True, GRN("scalar", "sum", "l2")),
        InvertedResidual(3, 24, 12, (2, 1), False, None),
    ),
    5,
)


@pytest.mark.parametrize("a", [ODD, cp_mobile(base=8, classes=5), *architectures(6)], ids=str)
@pytest.mark.parametrize("branches", [1, 3])
def test_folding_is_exact(a: Architecture, branches: int) -> None:
    model = add_branches(net(a, 0), branches)
    disturb(model, 1)
    x = torch.randn(2, 1, a.front_end.mels, a.front_end.frames, generator=torch.Generator().manual_seed(2))
    model.double().eval()
    with torch.no_grad():
        expected = model(x.double())
        folded = fold_branches(model)
        assert not any(isinstance(m, BranchedUnit) for m in folded.modules())
        assert list(folded.state_dict()) == list(build(a).state_dict())
        assert torch.allclose(folded(x.double()), expected, rtol=1e-7, atol=1e-7 * float(expected.abs().max()))


def test_a_trained_student_computes_the_same_until_it_is_trained_further() -> None:
    model = net(ODD, 0)
    disturb(model, 1)
    x = torch.randn(3, 1, 37, 22, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        before = model.eval()(x)
        branched = add_branches(model, 2, trained=True).eval()
        assert torch.allclose(branched(x), before, atol=1e-4)
    branched.train()
    branched(x).square().sum().backward()
    gains = [u.others[0].bn.weight.grad for u in branched.modules() if isinstance(u, BranchedUnit)]
    assert all(g is not None and float(g.abs().sum()) > 0 for g in gains), "the new branches learn"
