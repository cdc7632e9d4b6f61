"""The student: shapes, padding as the chip pads, GRN by its formula, weights learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm, ShortcutPool, pad_same, same_padding
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd

GRNS = [
    None,
    *(GRN(s, at, r) for s in ("scalar", "channel") for at in ("sum", "expanded") for r in ("mean", "l2")),
]  # type: ignore[arg-type]


def small(grn: GRN | None, padding: str = "same") -> Architecture:
    blocks = (
        InvertedResidual(3, 16, 8, (1, 1), True, grn),
        InvertedResidual(5, 16, 8, (2, 2), True, grn),
        InvertedResidual(3, 24, 12, (2, 1), False, grn),
    )
    return Architecture(FrontEnd.for_clip(41, 19), (4, 8), blocks, 3, padding=padding)  # type: ignore[arg-type]


@pytest.mark.parametrize("padding", ["same", "torch"])
@pytest.mark.parametrize("grn", GRNS, ids=str)
def test_contract(grn: GRN | None, padding: str) -> None:
    """Every block kind: shape, gradient to every parameter, clip by clip as in a batch, state dict round trip."""
    torch.manual_seed(0)
    model = build(small(grn, padding))
    x = torch.randn(4, 1, 41, 19)
    for m in model.modules():
        if isinstance(m, GlobalResponseNorm):
            nn.init.constant_(m.gamma, 0.5)
    y = model(x)
    assert y.shape == (4, 3)
    y.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    model.eval()
    with torch.no_grad():
        together = model(x)
        alone = torch.cat([model(row[None]) for row in x])
        again = build(small(grn, padding))
        again.load_state_dict(model.state_dict())
        assert torch.allclose(together, alone, atol=1e-5)
        assert torch.equal(again.eval()(x), together)


@pytest.mark.parametrize(
    ("size", "kernel", "stride"), [(s, k, t) for s in range(1, 9) for k in (1, 3, 5) for t in (1, 2)]
)
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int) -> None:
    """TensorFlow's documented formula: the total, its smaller half before."""
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    assert same_padding(size, kernel, stride) == (total // 2, total - total // 2)
    x = torch.randn(1, 1, size, 7)
    assert nn.functional.conv2d(
        pad_same(x, kernel, (stride, 1)), torch.ones(1, 1, kernel, kernel), stride=(stride, 1)
    ).shape[2:] == (out, 7)


def test_the_shortcut_pool_divides_by_the_valid_count() -> None:
    pool, x = ShortcutPool((2, 1), "same"), torch.randn(2, 3, 8, 5)
    y = pool(x).numpy()
    before, _ = same_padding(8, 3, 2)
    for i in range(4):
        for j in range(5):
            rows = [r for r in range(2 * i - before, 2 * i - before + 3) if 0 <= r < 8]
            columns = [c for c in range(j - 1, j + 2) if 0 <= c < 5]
            window = x.numpy()[:, :, rows][:, :, :, columns]
            assert np.allclose(y[:, :, i, j], window.mean((2, 3)), atol=1e-6)


@pytest.mark.parametrize("shape", ["scalar", "channel"])
@pytest.mark.parametrize("response", ["mean", "l2"])
def test_grn_is_its_formula(shape: str, response: str) -> None:
    grn = GlobalResponseNorm(6, GRN(shape, "sum", response))  # type: ignore[arg-type]
    x = torch.rand(2, 6, 4, 5)
    assert torch.equal(grn(x), x)  # gamma starts at zero
    nn.init.uniform_(grn.gamma)
    if grn.beta is not None:
        nn.init.uniform_(grn.beta)
    v = x.double().numpy()
    g = np.sqrt((v**2).sum((2, 3), keepdims=True)) if response == "l2" else v.mean((2, 3), keepdims=True)
    n = g / (g.mean(1, keepdims=True) + 1e-6)
    beta = 0 if grn.beta is None else grn.beta.detach().numpy()
    assert np.allclose(grn(x).detach().numpy(), v * (1 + grn.gamma.detach().numpy() * n) + beta, atol=1e-5)


@pytest.mark.parametrize("grn", GRNS[1:], ids=str)
def test_gradients_are_numeric_gradients(grn: GRN) -> None:
    module = GlobalResponseNorm(3, grn).double()
    nn.init.constant_(module.gamma, 0.3)
    x = (torch.rand(2, 3, 2, 3, dtype=torch.float64) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(module, (x,))


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("kernel", [3, 5])
def test_torch_padding_is_same_padding_of_a_zero_extended_kernel(size: int, kernel: int) -> None:
    """Why the presets need no PAD operator on the chip: one more row and column of zeros moves SAME's alignment to torch's."""
    weight, x = torch.randn(1, 1, kernel, kernel), torch.randn(1, 1, size, size)
    published = nn.functional.conv2d(x, weight, stride=2, padding=kernel // 2)
    extended = nn.functional.pad(weight, (0, 1, 0, 1))
    assert torch.allclose(
        nn.functional.conv2d(pad_same(x, kernel + 1, (2, 2)), extended, stride=2), published, atol=1e-5
    )
