"""A widened student is the net that it comes from, and can learn in all of its channels."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from hwasc.models import build
from hwasc.models.widening import widen_student
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.widths import resized, widths


def trained(grn: GRN | None) -> Architecture:
    blocks = (
        InvertedResidual(3, 16, 8, (1, 1), True, grn),
        InvertedResidual(5, 16, 12, (2, 1)),
        InvertedResidual(3, 24, 12, (2, 2), True, grn),
    )
    return Architecture(FrontEnd.for_clip(32, 17), (4, 8), blocks, 5)


def random_net(a: Architecture) -> nn.Module:
    torch.manual_seed(3)
    net = build(a)
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.running_mean, -0.5, 0.5)
            nn.init.uniform_(m.running_var, 0.5, 2.0)
    for name, p in net.named_parameters():
        if p.dim() == 1 or "gamma" in name:
            nn.init.uniform_(p, 0.2, 1.0)
    return net.eval()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_computes_the_same(seed: int) -> None:
    a = trained(None)
    rng = torch.Generator().manual_seed(seed)
    wider = {k: n + int(torch.randint(0, 9, (), generator=rng)) for k, n in widths(a).items()}
    net, x = random_net(a), torch.randn(4, 1, 32, 17)
    widened = widen_student(net, resized(a, wider)).eval()
    assert widths(widened.architecture) == wider
    torch.testing.assert_close(widened(x), net(x))
    widened.train()(x).square().mean().backward()
    for name, p in widened.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name


@pytest.mark.parametrize("shape", ["scalar", "channel"])
@pytest.mark.parametrize("at", ["sum", "expanded"])
def test_what_was_learned_stays_in_the_leading_channels(shape: str, at: str) -> None:
    a = trained(dataclasses.replace(GRN(), shape=shape, at=at))
    net = random_net(a)
    x = torch.randn(2, 1, 32, 17)
    torch.testing.assert_close(widen_student(net, a).eval()(x), net(x))
    wide = widen_student(net, resized(a, {k: n + 4 for k, n in widths(a).items()})).state_dict()
    for name, old in net.state_dict().items():
        assert torch.equal(wide[name][tuple(slice(n) for n in old.shape)], old), name
