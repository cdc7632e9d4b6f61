"""Pruning: what is read back is the net, what had no influence goes first, and taking it out changes nothing."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
import torch
from torch import nn

from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm
from hwasc.models.student import Student
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.space import SearchSpace
from hwasc.records.widths import resized, widths
from hwasc.training import pruning

KINDS = [(r, p) for r in ("mean", "l2") for p in ("same", "torch")]


def architecture(seed: int, response: str = "mean", padding: str = "same") -> Architecture:
    """A random one of the whole space (every GRN, kernel, stride, depth) with a small front end."""
    space, rng = dataclasses.replace(SearchSpace.load("full"), grn_response=response), random.Random(seed)  # type: ignore[arg-type]
    point = random_point(space, rng) | {"mels": 64, "frames": 33}
    return dataclasses.replace(space.architecture(point, 10), padding=padding)  # type: ignore[arg-type]


def net(a: Architecture, seed: int = 0) -> Student:
    """A student whose every parameter and statistic is drawn, so that nothing hides behind a zero or a one."""
    torch.manual_seed(seed)
    model = build(a).eval()
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            for tensor in (m.weight.data, m.running_var):
                tensor.uniform_(0.5, 1.5)
            for tensor in (m.bias.data, m.running_mean):
                tensor.normal_(0, 0.2)
        if isinstance(m, GlobalResponseNorm):
            m.gamma.data.normal_(0, 0.3)
            if m.beta is not None:
                m.beta.data.normal_(0, 0.1)
    return model


def clips(a: Architecture, count: int = 3) -> torch.Tensor:
    return torch.randn(count, 1, a.front_end.mels, a.front_end.frames, generator=torch.Generator().manual_seed(1))


def some(a: Architecture, seed: int) -> dict[str, list[int]]:
    """Up to half of the channels of each width, by chance."""
    rng = random.Random(seed)
    return {name: sorted(rng.sample(range(n), rng.randrange(n // 2 + 1))) for name, n in widths(a).items()}


def of_width(a: Architecture, model: Student, name: str) -> list[nn.Module]:
    """The units whose output has that width, and GRNs over it; by the record, not by the dependency graph."""
    if name == "stem.0":
        return [model.stem[0]]
    if name.endswith("expanded"):
        block = model.blocks[int(name.split(".")[1])]
        return [block.expand, block.depthwise, getattr(block, "inner_grn", nn.Identity())]  # type: ignore[list-item]
    out: list[nn.Module] = [model.stem[1]] if name == "stem.1" else []
    first = 0 if name == "stem.1" else int(name.split(".")[1])
    for i, record in enumerate(a.blocks):
        if i >= first and (record.shortcut or name == f"blocks.{i}.channels"):
            out += [model.blocks[i].project, getattr(model.blocks[i], "grn", nn.Identity())]  # type: ignore[list-item]
        elif i > first or name == "stem.1":
            break
    return out


@pytest.mark.parametrize(("response", "padding"), KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_the_record_read_back_is_the_pruned_net(seed: int, response: str, padding: str) -> None:
    a = architecture(seed, response, padding)
    model, gone = net(a), some(a, seed)
    assert pruning.read_back(model) == a
    pruning.remove(model, gone)
    assert model.architecture == resized(a, {name: n - len(gone[name]) for name, n in widths(a).items()})
    fresh = build(model.architecture)
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh.eval()(clips(a)), model(clips(a)))


@pytest.mark.parametrize("response", ["mean", "l2"])
@pytest.mark.parametrize("seed", range(8))
def test_removing_channels_that_are_silent_changes_nothing(seed: int, response: str) -> None:
    """Every tensor loses the very channels asked for. GRN's mean over channels counts silent ones; gamma makes up for it."""
    a = architecture(seed, response)
    model, gone = net(a), some(a, seed)
    shares: dict[nn.Module, float] = {}
    for name, indices in gone.items():
        for m in of_width(a, model, name):
            if isinstance(m, GlobalResponseNorm):
                shares[m] = (widths(a)[name] - len(indices)) / widths(a)[name]
                if m.beta is not None and m.beta.numel() > 1:
                    m.beta.data[0, indices] = 0
                elif m.beta is not None:
                    m.beta.data.zero_()
            elif not isinstance(m, nn.Identity):
                m.bn.weight.data[indices] = 0  # type: ignore[union-attr,index]
                m.bn.bias.data[indices] = 0  # type: ignore[union-attr,index]
    with torch.no_grad():
        before = model(clips(a))
        pruning.remove(model, gone)
        for m, share in shares.items():
            m.gamma.data /= share  # type: ignore[union-attr,operator]
        assert (model(clips(a)) - before).abs().max() < 1e-4 * before.abs().max()


@pytest.mark.parametrize("response", ["mean", "l2"])
@pytest.mark.parametrize("seed", range(4))
def test_channels_that_nothing_listens_to_have_no_importance(seed: int, response: str) -> None:
    a = architecture(seed, response)
    plain = dataclasses.replace(a, blocks=tuple(dataclasses.replace(b, grn=None) for b in a.blocks))
    model, deaf = net(plain), [1, 3]
    with torch.no_grad():
        for block in model.blocks:
            block.project.conv.weight[:, deaf] = 0  # type: ignore[union-attr,index]
    x = clips(plain)
    scores = pruning.importance(model, (model(x + i).square().mean() for i in range(2)))
    assert {name: len(v) for name, v in scores.items()} == widths(plain)
    for name, values in scores.items():
        assert np.isfinite(values).all() and (values >= 0).all()
        if name.endswith("expanded"):
            assert (values[deaf] == 0).all() and (np.delete(values, deaf) > 0).mean() > 0.5


def test_importance_is_the_first_order_change_of_the_loss() -> None:
    """Of an expanded channel without GRN: what the expansion makes and what the projection takes, times gradients."""
    a = architecture(3)
    a = dataclasses.replace(a, blocks=tuple(dataclasses.replace(b, grn=None) for b in a.blocks))
    model, kept = net(a), {}

    def keep(name: str) -> object:
        def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            for tensor, what in ((inputs[0], "in"), (output, "out")):
                tensor.retain_grad()
                kept[f"{name}.{what}"] = tensor

        return hook

    block = model.blocks[1]
    for m, name in ((block.expand.conv, "expand"), (block.project.conv, "project")):  # type: ignore[union-attr]
        m.register_forward_hook(keep(name))  # type: ignore[arg-type,union-attr,operator]
    model(clips(a)).square().mean().backward()
    wanted = sum((kept[k] * kept[k].grad).sum((0, 2, 3)).abs() for k in ("expand.out", "project.in"))
    found = pruning.importance(model, [model(clips(a)).square().mean()])["blocks.1.expanded"]
    assert np.allclose(found, wanted.detach().numpy(), rtol=1e-3, atol=1e-6)  # type: ignore[union-attr]
