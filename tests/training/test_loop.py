"""The loop, the loss and the metrics: resumed equals unbroken, formulas by hand, gradients by numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.errors import HwascError
from hwasc.models import build
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.train_settings import TrainSettings
from hwasc.training import loop
from hwasc.training.batches import Batch
from hwasc.training.loop import fit
from hwasc.training.loss import distillation_loss
from hwasc.training.metrics import macro_accuracy

CPU = torch.device("cpu")


def batches(epoch: int) -> Iterator[Batch]:
    g = torch.Generator().manual_seed(epoch)
    for _ in range(3):
        labels = torch.randint(0, 2, (16,), generator=g)
        x = 0.1 * torch.randn(16, 1, 20, 9, generator=g)
        x[labels == 1, :, 10:] += 1
        yield Batch(x, labels, None)


def loss(y: Tensor, batch: Batch) -> Tensor:
    return distillation_loss(y, batch.labels, None, alpha=0, temperature=1)


def model() -> nn.Module:
    torch.manual_seed(0)
    blocks = (InvertedResidual(3, 16, 8, (1, 1), True, GRN()),)
    net = build(Architecture(FrontEnd.for_clip(20, 9), (4, 8), blocks, 2))
    return nn.Sequential(net, nn.Dropout(0.1))


def test_it_learns_and_a_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    settings, losses = TrainSettings(6, 16, 1e-2, 1e-3), []
    common = {"steps_per_epoch": 3, "loss": loss, "settings": settings, "device": CPU, "seed": 0}
    whole = fit(model(), batches, **common, on_epoch=lambda e, v: losses.append(v))
    assert losses[-1] < 0.5 * losses[0] and not whole.training

    def stop(epoch: int, value: float) -> None:
        if epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model(), batches, **common, checkpoint=tmp_path / "c.ckpt", on_epoch=stop)
    epochs: list[int] = []
    resumed = fit(model(), batches, **common, checkpoint=tmp_path / "c.ckpt", on_epoch=lambda e, v: epochs.append(e))
    assert epochs == [4, 5, 6]
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_the_quick_optimizer_and_rectifiers_in_place_change_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = TrainSettings(3, 16, 1e-2, 1e-3)
    common = {"steps_per_epoch": 3, "loss": loss, "settings": settings, "device": CPU, "seed": 0}
    quick = fit(model(), batches, **common).state_dict()
    monkeypatch.setattr(loop, "AdamW", lambda groups, lr, foreach: torch.optim.AdamW(groups, lr, foreach=False))
    monkeypatch.setattr(F, "relu", lambda x, inplace: torch.relu(x))
    plain = fit(model(), batches, **common).state_dict()
    assert all(torch.equal(quick[name], weight) for name, weight in plain.items())


def test_a_broken_checkpoint_and_a_diverging_training_are_said(tmp_path: Path) -> None:
    path = tmp_path / "c.ckpt"
    path.write_bytes(b"half a file")
    common = {"steps_per_epoch": 3, "settings": TrainSettings(1, 16), "device": CPU, "seed": 0}
    with pytest.raises(HwascError, match="not a readable checkpoint"):
        fit(model(), batches, **common, loss=loss, checkpoint=path)
    with pytest.raises(HwascError, match="lower the learning rate"):
        fit(model(), batches, **common, loss=lambda y, batch: loss(y, batch) * float("nan"))


def test_the_loss_is_its_formula() -> None:
    g = np.random.default_rng(0)
    y, t, labels = g.normal(size=(5, 4)), g.normal(size=(5, 4)), np.array([0, 1, 2, 3, 0])

    def softmax(v: np.ndarray) -> np.ndarray:
        e = np.exp(v - v.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    ce = -np.log(softmax(y)[np.arange(5), labels]).mean()
    p, q = softmax(t / 3), softmax(y / 3)
    kl = (p * np.log(p / q)).sum(1).mean()  # batchmean: the sum over classes, the mean over clips
    tensors = torch.tensor(y), torch.tensor(labels), torch.tensor(t)
    for alpha in (0.0, 0.3, 1.0):
        expected = (1 - alpha) * ce + alpha * 9 * kl
        assert float(distillation_loss(*tensors, alpha=alpha, temperature=3.0)) == pytest.approx(expected)
    plain = distillation_loss(torch.tensor(y), torch.tensor(labels), None, alpha=0.7, temperature=3.0)
    assert float(plain) == pytest.approx(ce)
    for n, factor in (("batchmean", 1), ("mean", 4)):  # over the four classes too
        soft = distillation_loss(*tensors, alpha=1.0, temperature=3.0, reduction=n)  # type: ignore[arg-type]
        assert float(soft) == pytest.approx(9 * kl / factor)
    shares = torch.eye(4, dtype=torch.float64)[labels] * 0.75 + 0.0625
    smooth = -(shares.numpy() * np.log(softmax(y))).sum(1).mean()
    mixed = distillation_loss(tensors[0], shares, tensors[2], alpha=0.3, temperature=3.0)
    assert float(mixed) == pytest.approx(0.7 * smooth + 2.7 * kl)
    x = torch.tensor(y, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda v: distillation_loss(v, tensors[1], tensors[2], alpha=0.6, temperature=2.0), (x,)
    )


def test_macro_accuracy_weighs_classes_alike() -> None:
    labels = torch.tensor([0] * 98 + [1, 2])
    assert macro_accuracy(torch.zeros(100, dtype=torch.int64), labels, 5) == pytest.approx(1 / 3)
    assert macro_accuracy(labels, labels, 5) == 1.0
