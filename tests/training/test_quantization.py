"""Quantization: eight bits everywhere, BN folded exactly, close to float, saved and loaded unchanged."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.nn.quant_layer import QuantNonLinearActLayer
from torch import nn

from hwasc.models import build
from hwasc.models.blocks import ConvUnit, GlobalResponseNorm
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.train_settings import TrainSettings
from hwasc.training.batches import Batch
from hwasc.training.folding import folded
from hwasc.training.loop import fit
from hwasc.training.quantization import QuantConvUnit, calibrate, freeze, hold_scales, load_state, quantize
from hwasc.training.weights import load_weights, save_weights

VARIANTS = [None, GRN(), GRN("channel", "expanded"), GRN("scalar", "sum", "l2"), GRN("channel", "expanded", "l2")]


def student(grn: GRN | None, padding: str = "same") -> nn.Module:
    torch.manual_seed(0)
    blocks = (
        InvertedResidual(3, 24, 12, (1, 1), True, grn),
        InvertedResidual(5, 24, 12, (2, 2), True, grn),
        InvertedResidual(3, 32, 20, (2, 1), False, grn),
    )
    model = build(Architecture(FrontEnd.for_clip(40, 17), (4, 12), blocks, 5, padding=padding))  # type: ignore[arg-type]
    for m in model.modules():
        if isinstance(m, GlobalResponseNorm):
            nn.init.constant_(m.gamma, 0.3)
    for _ in range(15):
        model(clips(16))  # batch norm statistics
    return model.eval()


def clips(n: int) -> torch.Tensor:
    return nn.functional.interpolate(torch.randn(n, 1, 8, 4), (40, 17)) + 0.3 * torch.randn(n, 1, 40, 17)


@pytest.mark.slow
@pytest.mark.parametrize(("grn", "padding"), zip([*VARIANTS, None], itertools.cycle(["torch", "same"])), ids=str)
def test_contract(grn: GRN | None, padding: str, tmp_path: Path) -> None:
    model = student(grn, padding)
    quantized = calibrate(quantize(model), [clips(32) for _ in range(4)])
    x = clips(128)
    with torch.no_grad():
        y, q = model(x), quantized(x)
    assert q.shape == y.shape and type(q) is torch.Tensor
    assert (q - y).abs().mean() < 0.15 * y.std(), "far from float"
    steps = q.numpy() / np.diff(np.unique(q.numpy())).min()
    assert np.allclose(steps, steps.round(), atol=1e-2) and len(np.unique(steps.round())) <= 256  # an int8 grid
    save_weights(tmp_path / "int8.safetensors", quantized)
    again = load_state(quantize(build(model.architecture)), load_weights(tmp_path / "int8.safetensors")).eval()
    with torch.no_grad():
        assert torch.equal(again(x), q)


def test_every_weight_and_activation_has_eight_bits() -> None:
    quantized = calibrate(quantize(student(GRN())), [clips(32)])
    units = [m for m in quantized.modules() if isinstance(m, QuantConvUnit)]
    assert len(units) == 2 + 3 * 3 + 1
    for unit in units:
        weight = unit.conv.quant_weight()
        assert int(weight.bit_width) == 8 and weight.scale.numel() == unit.conv.out_channels
        assert weight.int().abs().max() <= 127
    assert all(
        int(m.act_quant.bit_width()) == 8
        for m in quantized.modules()
        if isinstance(m, (QuantNonLinearActLayer, qnn.QuantReLU))
    )


def test_unsigned_after_relu_signed_elsewhere() -> None:
    quantized = calibrate(quantize(student(None)), [clips(32)])
    block = quantized.blocks[0]
    signed = {"expand": False, "depthwise": False, "project": True, "sum": False}
    for name, expected in signed.items():
        assert bool(getattr(block, name).act.act_quant.is_signed) is expected, name


def test_folding_is_exact() -> None:
    unit = ConvUnit(3, 5, 3, relu=False)
    nn.init.uniform_(unit.bn.weight)
    nn.init.uniform_(unit.bn.bias)
    for _ in range(5):
        unit(torch.randn(8, 3, 6, 6) * 2 + 1)
    unit.eval()
    weight, bias = folded(unit)
    x = torch.randn(2, 3, 6, 6)
    assert torch.allclose(nn.functional.conv2d(x, weight, bias, padding=1), unit(x), atol=1e-5)


def test_training_moves_weights_and_scales() -> None:
    quantized = calibrate(quantize(student(GRN())), [clips(32)])
    before = {k: v.clone() for k, v in quantized.state_dict().items()}
    quantized.train()
    optimizer = torch.optim.SGD(quantized.parameters(), 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.cross_entropy(quantized(clips(16)), torch.randint(0, 5, (16,))).backward()
        optimizer.step()
    moved = {k for k, v in quantized.state_dict().items() if k in before and not torch.equal(v, before[k])}
    assert any("conv.weight" in k for k in moved) and any("scaling_impl.value" in k for k in moved)
    assert any(k.endswith("gamma") for k in moved)


def test_incomplete_weights_are_refused() -> None:
    quantized = calibrate(quantize(student(None)), [clips(16)])
    state = dict(quantized.state_dict())
    state.pop("head.conv.weight")
    with pytest.raises(KeyError, match=r"head\.conv\.weight"):
        load_state(quantize(student(None)), state)


@pytest.mark.parametrize("grn", [None, GRN("channel", "sum", "mean"), GRN("scalar", "expanded", "l2")])
def test_frozen_gives_the_same_logits(grn: GRN | None) -> None:
    model = calibrate(quantize(student(grn)), [clips(16)])
    x = 3 * clips(32)  # beyond the calibrated range too
    with torch.no_grad():
        expected = model(x)
        assert torch.equal(freeze(model)(x), expected)


@pytest.mark.slow
def test_scales_move_until_they_are_held(tmp_path: Path) -> None:
    """In the last epochs no activation scale moves while the weights still do; the same when resumed in the midst of them."""

    def batches(epoch: int) -> Iterator[Batch]:
        torch.manual_seed(epoch)
        for _ in range(2):
            yield Batch(clips(16), torch.randint(0, 5, (16,)), None)

    def scales(model: nn.Module) -> dict[str, torch.Tensor]:
        return {k: v.clone() for k, v in model.state_dict().items() if k.endswith("scaling_impl.value")}

    def train(stop: int) -> list[tuple[dict[str, torch.Tensor], torch.Tensor]]:
        """The scales and a weight before the first epoch trained and after each."""
        torch.manual_seed(0)
        model = calibrate(quantize(student(GRN())), [clips(32)])
        seen = [(scales(model), model.blocks[0].expand.conv.weight.detach().clone())]

        def after(epoch: int, _: float) -> None:
            seen.append((scales(model), model.blocks[0].expand.conv.weight.detach().clone()))
            if epoch == stop:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            fit(
                model,
                batches,
                steps_per_epoch=2,
                loss=lambda y, batch: nn.functional.cross_entropy(y, batch.labels),
                settings=TrainSettings(4, 16, 1e-2),
                device=torch.device("cpu"),
                seed=0,
                checkpoint=tmp_path / "qat.ckpt",
                before_epoch=lambda epoch: hold_scales(model) if epoch > 2 else None,
                on_epoch=after,
            )
        return seen

    whole = train(stop=0)
    assert len(whole) == 5 and len(whole[0][0]) > 10
    for moves, (before, weight), (after, changed) in zip((True, True, False, False), whole, whole[1:], strict=False):
        assert all(torch.equal(before[k], after[k]) is not moves for k in before) and not torch.equal(weight, changed)
    (tmp_path / "qat.ckpt").unlink()
    assert len(train(stop=3)) == 4
    (end,) = train(stop=0)[1:]
    assert torch.equal(end[1], whole[4][1]) and all(torch.equal(end[0][k], v) for k, v in whole[4][0].items())
