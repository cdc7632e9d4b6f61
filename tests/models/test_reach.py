"""Receptive fields by arithmetic, against the input region whose gradient reaches one unit in the middle."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.blocks import GlobalResponseNorm
from hwasc.models.teachers import TeacherSpec, bc_resnet, build, cp_resnet, mobilenet_v3, tf_sepnet
from hwasc.models.teachers.reach import receptive_field
from hwasc.parts import TEACHERS
from hwasc.records.front_end import FrontEnd

MAPS: dict[str, Callable[[nn.Module], nn.Module]] = {  # the part of each family up to its global average
    "cp_resnet": lambda m: nn.Sequential(m.features, m.head),
    "bc_resnet": lambda m: nn.Sequential(m.features, m.head[:2]),
    "tf_sepnet": lambda m: nn.Sequential(m.features, m.head),
    "cp_mobile": lambda m: nn.Sequential(m.stem, m.blocks, m.head),
    "mobilenet_v3": lambda m: m.features,
    "crnn": lambda m: m.features[:-1],
    "patch_transformer": lambda m: m.embed,
    "resnet": lambda m: nn.Sequential(m.conv1, m.maxpool, m.layer1, m.layer2, m.layer3, m.layer4),
    "passt": lambda m: m.patch_embed,
    "beats": lambda m: m.patch_embedding,
}
MAPS |= {f"edp_{name}": MAPS["cp_mobile"] for name in ("wide", "deep", "expanded", "kernel5", "inner_grn")}
WIDTHS = {"cp_resnet": 2, "bc_resnet": 1, "tf_sepnet": 4, "cp_mobile": 4, "mobilenet_v3": 1, "crnn": 2, "resnet": 1}
WIDTHS |= {name: 4 for name in MAPS if name.startswith("edp_")}


def trunk(family: str, mels: int = 64) -> nn.Module:
    """The map of a narrow teacher, all of whose weights are positive, so that no path is cut."""
    model = build(TeacherSpec(family, WIDTHS.get(family, 0), FrontEnd.for_clip(mels, 33)), 2).eval()
    return positive(MAPS[family](model))


def positive(model: nn.Module) -> nn.Module:
    for module in list(model.modules()):
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
        if isinstance(module, GlobalResponseNorm):
            nn.init.constant_(module.gamma, 0.1)
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):  # a maximum sends its gradient to one of its inputs only
                pool = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, ceil_mode=child.ceil_mode)
                setattr(module, name, pool)
    return model


def lit(model: nn.Module, size: tuple[int, int]) -> Tensor:
    """Which inputs (bins, frames) the gradient of the middle unit reaches."""
    x = torch.ones(1, 1, *size, requires_grad=True)
    out = model(x)
    out[0, :, out.shape[2] // 2, out.shape[3] // 2].sum().backward()
    assert x.grad is not None
    return x.grad[0, 0] != 0


def extent(reached: Tensor) -> tuple[int, int]:
    return int(reached.any(1).sum()), int(reached.any(0).sum())


def around(field: tuple[int, int]) -> tuple[int, int]:
    """An input with room on all sides."""
    return (-(-(field[0] + 64) // 32) + 1) * 32, (-(-(field[1] + 64) // 32) + 1) * 32


@pytest.fixture
def kernels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nets without what averages over a whole axis."""
    monkeypatch.setattr(GlobalResponseNorm, "forward", lambda self, x: x)
    monkeypatch.setattr(mobilenet_v3.SqueezeExcitation, "forward", lambda self, x: x)
    monkeypatch.setattr(tf_sepnet.ResidualNorm, "forward", lambda self, x: x)
    monkeypatch.setattr(tf_sepnet.Path, "forward", lambda self, x: x)

    def without_mean(self: bc_resnet.BroadcastBlock, x: Tensor) -> Tensor:
        y = self.frequency(self.mix(x))
        y = y + self.time(y)
        return F.relu(x + y if self.residual else y)

    monkeypatch.setattr(bc_resnet.BroadcastBlock, "forward", without_mean)


@pytest.mark.parametrize(("family", "mels"), [*((family, 64) for family in TEACHERS.names()), ("tf_sepnet", 128)])
def test_receptive_field_is_that_of_the_kernels(family: str, mels: int, kernels_only: None) -> None:
    field = receptive_field(build(TeacherSpec(family, WIDTHS.get(family, 0), FrontEnd.for_clip(mels, 33)), 2))
    assert extent(lit(trunk(family, mels), around(field))) == field


@pytest.mark.parametrize("family", ["cp_resnet", "bc_resnet", "tf_sepnet", "cp_mobile", "mobilenet_v3", "edp_wide"])
def test_families_name_their_global_context(family: str) -> None:
    model = trunk(family)
    by_kernels = receptive_field(build(TeacherSpec(family, WIDTHS[family]), 2))
    size = around(by_kernels)
    expected = {"cp_resnet": by_kernels, "bc_resnet": (size[0], by_kernels[1])}.get(family, size)
    assert extent(lit(model, size)) == expected
    assert bool(TEACHERS.get(family).global_context) == (expected != by_kernels)


def test_cp_resnet_receptive_field_follows_rho() -> None:
    sizes = [receptive_field(cp_resnet.CPResNet(2, 1, rho)) for rho in range(cp_resnet.MAX_RHO + 1)]
    assert all(bins == frames for bins, frames in sizes)
    bins = [b for b, _ in sizes]
    assert bins[:9] == [
        23,
        31,
        39,
        55,
        71,
        87,
        103,
        135,
        167,
    ]  # the published series: 5 x 5 / 2, pools after 1, 2 and 4
    assert all(a < b for a, b in pairwise(bins))
    with pytest.raises(ValueError, match="between 0 and 22"):
        cp_resnet.CPResNet(10, 4, 23)
