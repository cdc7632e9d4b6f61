"""Averages of weights over steps, and batch norm's statistics for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.records.train_settings import TrainSettings
from hwasc.training.averaging import WeightAverage
from hwasc.training.batches import Batch
from hwasc.training.loop import fit
from hwasc.training.loss import distillation_loss


def test_the_average_is_the_closed_form() -> None:
    model, values = nn.Linear(1, 1, bias=False), [3.0, -1.0, 4.0, 1.0, 5.0]
    model.weight.data.fill_(2.0)
    average, expected = WeightAverage(model, 4), 2.0
    for t, value in enumerate(values):
        model.weight.data.fill_(value)
        average.update(model)
        keep = min(0.75, (1 + t) / (10 + t))
        expected = keep * expected + (1 - keep) * value
    average.put_into(model)
    assert float(model.weight.detach()) == pytest.approx(expected, rel=1e-6)


def batches(epoch: int) -> Iterator[Batch]:
    g = torch.Generator().manual_seed(epoch)
    for _ in range(4):
        labels = torch.randint(0, 2, (8,), generator=g)
        x = 3 + torch.randn(8, 1, 6, 5, generator=g) + labels[:, None, None, None]
        yield Batch(x, labels, None)


class Stop(Exception):
    pass


def trained(average: float, checkpoint: Path | None = None, stop: int = 0) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
    )

    def on_epoch(epoch: int, _: float) -> None:
        if epoch == stop:
            raise Stop

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        return distillation_loss(logits, batch.labels, None, alpha=0, temperature=1)

    return fit(
        model, batches, steps_per_epoch=4, loss=loss, settings=TrainSettings(5, 8, 1e-2, 0.0, average),
        device=torch.device("cpu"), seed=0, checkpoint=checkpoint, on_epoch=on_epoch,
    )  # fmt: skip


def test_statistics_are_those_of_the_averaged_weights(tmp_path: Path) -> None:
    last, averaged = trained(0.0), trained(2.0)
    assert not torch.equal(last[0].weight, averaged[0].weight)
    outputs = torch.cat([averaged[0](b.logmel).transpose(0, 1).flatten(1) for b in batches(5)], dim=1)
    assert torch.allclose(averaged[1].running_mean, outputs.mean(1), atol=1e-5)
    assert averaged[1].momentum == 0.1 and not averaged.training
    with pytest.raises(Stop):
        trained(2.0, tmp_path / "c.ckpt", stop=3)
    resumed = trained(2.0, tmp_path / "c.ckpt")
    for key, value in averaged.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], value), key


def test_label_smoothing_is_on_the_labels_alone() -> None:
    g = torch.Generator().manual_seed(0)
    logits, teacher = torch.randn(4, 3, generator=g), torch.randn(4, 3, generator=g)
    labels = torch.tensor([0, 2, 1, 1])
    spread = 0.7 * F.one_hot(labels, 3) + 0.3 / 3
    expected = 0.4 * F.cross_entropy(logits, spread) + 0.6 * distillation_loss(
        logits, labels, teacher, alpha=1, temperature=2
    )
    found = distillation_loss(logits, labels, teacher, alpha=0.6, temperature=2, label_smoothing=0.3)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)
