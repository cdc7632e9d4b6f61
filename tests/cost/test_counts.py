"""Costs against outside truth: published counts, torch hooks, torchinfo, fvcore, thop."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
import torchinfo
from torch import nn

from hwasc.cost import layers, measure
from hwasc.deploy.profiling import profile
from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile, dcase2024_baseline
from hwasc.records.space import SearchSpace
from tests.speed import seconds


def test_the_published_counts_to_the_unit() -> None:
    baseline = measure(dcase2024_baseline())
    assert (baseline.parameters, baseline.macs.torchinfo) == (61_148, 29_419_156)
    assert (baseline.int8_memory.activations, baseline.int8_memory.lower_bound) == (210_944, 174_080)
    mobile = measure(cp_mobile())
    assert (mobile.parameters, mobile.macs.torchinfo, mobile.int8_memory.activations) == (126_952, 28_893_268, 229_376)
    assert measure(cp_mobile(front_end=FrontEnd(frames=65))).macs.torchinfo == 31_684_180
    assert measure(cp_mobile(base=16)).int8_memory.activations == 114_688
    assert measure(cp_mobile(base=8)).int8_memory.activations == 57_344


def random_architectures(count: int) -> list[Architecture]:
    """Half from the full space, half with odd channel counts, every GRN and both paddings."""
    rng, space = random.Random(0), SearchSpace.load("full")
    out = [space.architecture(random_point(space, rng), rng.randint(2, 20)) for _ in range(count // 2)]
    while len(out) < count:
        stem = (rng.randint(1, 9), rng.randint(1, 20))
        channels, blocks = stem[1], []
        for _ in range(rng.randint(0, 4)):
            width = rng.choice([channels, rng.randint(1, 30)])
            grn = GRN(rng.choice(["scalar", "channel"]), rng.choice(["sum", "expanded"]), rng.choice(["mean", "l2"]))
            stride = rng.choice([(1, 1), (2, 2), (1, 2), (2, 1)])
            blocks.append(
                InvertedResidual(rng.choice([1, 3, 5, 7]), rng.randint(1, 40), width, stride,
                                 width == channels and rng.random() < 0.8, rng.choice([None, grn]))
            )  # fmt: skip
            channels = width
        front_end = FrontEnd.for_clip(rng.randint(17, 70), rng.randint(9, 50))
        out.append(
            Architecture(front_end, stem, tuple(blocks), rng.randint(2, 20), padding=rng.choice(["same", "torch"]))
        )
    return out


def counted(model: nn.Module, a: Architecture) -> tuple[int, dict[str, tuple[int, ...]]]:
    """Convolution MACs by forward hooks on the torch model, and every convolution's output shape."""
    macs, shapes = 0, {}

    def hook(name: str) -> Any:
        def count(module: nn.Module, _: Any, y: torch.Tensor) -> None:
            nonlocal macs
            macs += module.weight.numel() * y.shape[2] * y.shape[3]
            shapes[name.removesuffix(".conv")] = tuple(y.shape[1:])

        return count

    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(hook(name))
    with torch.no_grad():
        model.eval()(torch.zeros(1, 1, a.front_end.mels, a.front_end.frames))
    return macs, shapes


@pytest.mark.slow
def test_two_hundred_random_architectures_agree_with_the_torch_model() -> None:
    for a in random_architectures(200):
        model, costs = build(a), measure(a)
        macs, shapes = counted(model, a)
        assert sum(p.numel() for p in model.parameters()) == costs.parameters, a.text()
        assert macs == costs.macs.conv - costs.macs.grn, a.text()
        ours = {y.name: y.shape for y in layers(a) if y.kind in ("conv", "depthwise")}
        assert ours == shapes, a.text()


@pytest.mark.parametrize("a", random_architectures(12)[::2], ids=lambda a: a.id)
def test_the_torchinfo_rule_is_torchinfos(a: Architecture) -> None:
    size = (1, 1, a.front_end.mels, a.front_end.frames)
    info = torchinfo.summary(build(a).eval(), size, verbose=0)
    assert (info.total_mult_adds, info.total_params) == (measure(a).macs.torchinfo, measure(a).parameters)


@pytest.mark.parametrize("a", [dcase2024_baseline(), cp_mobile(base=8)], ids=["baseline", "cp_mobile_8"])
def test_fvcore_and_thop_differ_by_what_is_explained(a: Architecture) -> None:
    result = profile(a, cross_checks=True)
    fvcore, thop = result.cross_checks
    conv = result.costs.macs.conv - result.costs.macs.grn
    assert f"convolutions {conv:,}" in fvcore.explanation  # fvcore's convolutions are ours to the unit
    assert fvcore.macs > conv and thop.macs > conv
    assert f"{thop.macs - conv:+,}" in thop.explanation


def test_grn_costs_are_stated_and_counted_apart() -> None:
    plain = Architecture(FrontEnd.for_clip(40, 17), (4, 8), (InvertedResidual(3, 16, 8, shortcut=True),), 3)
    with_grn = Architecture(
        FrontEnd.for_clip(40, 17), (4, 8), (InvertedResidual(3, 16, 8, shortcut=True, grn=GRN("channel")),), 3
    )
    a, b = measure(plain), measure(with_grn)
    assert (
        b.parameters - a.parameters == 8 == sum(p.numel() for p in GlobalResponseNorm(8, GRN("channel")).parameters())
    )
    assert b.macs.torchinfo == a.macs.torchinfo
    # per channel: the quotient and gamma; per element: the gain
    assert b.macs.conv - a.macs.conv == b.macs.grn == 8 + 8 + 10 * 5 * 8


def test_weights_are_bytes_of_int8_and_int32() -> None:
    a = Architecture(FrontEnd.for_clip(40, 17), (4, 8), (), 3)
    assert measure(a).int8_memory.weights == (9 * 4 + 4 * 4) + (9 * 4 * 8 + 8 * 4) + (8 * 3 + 3 * 4)


def test_a_candidate_costs_at_most_two_milliseconds() -> None:
    sample = random_architectures(100)[:50]
    each = seconds(lambda: [measure(a) for a in sample]) / len(sample)
    assert each < 2e-3, f"{each * 1e3:.2f} ms a candidate"


def test_costs_load_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, hwasc; from hwasc.cost import measure; from hwasc.cost.limits import resolve; "
        "b = hwasc.Budget.load('dcase2024'); s = hwasc.SearchSpace.load('full'); "
        "print(resolve(b).check(measure(hwasc.cp_mobile()))[0].slack); assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"1106732"
