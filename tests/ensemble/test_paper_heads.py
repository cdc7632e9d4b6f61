"""The paper's heads: z1's weights, the joint loss and its gradient, what they learn, and both sets in one table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.ensemble.best_epoch import best_epoch
from hwasc.ensemble.fusion import fuse, target_file
from hwasc.ensemble.heads import VIEWS
from hwasc.ensemble.paper_fitting import train_together, untrained_paper_heads
from hwasc.ensemble.paper_heads import PAPER_VIEWS, PaperHeads, joint_loss
from hwasc.records.front_end import FrontEnd
from hwasc.records.settings import FusionSettings, Settings
from hwasc.workspace import Workspace, open_workspace

K, C, SIZE = 3, 6, (8, 5)


def heads(seed: int = 0, hidden: int = 32) -> PaperHeads:
    torch.manual_seed(seed)
    backbone = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 3 * 2, K + 1))
    return PaperHeads(K, C, backbone, hidden)


def clips(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Teacher k knows the classes k and 3 + k, and says something else with the same certainty on others."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(C, (count,), generator=g)
    wrong = (labels[:, None] + torch.randint(1, C, (count, K), generator=g)) % C
    said = torch.where(labels[:, None] % K == torch.arange(K), labels[:, None], wrong)
    logits = 3.0 * F.one_hot(said, C) + 0.3 * torch.randn(count, K, C, generator=g)
    return torch.randn(count, 1, *SIZE, generator=g), logits, labels


class Clips:
    """Stands in for `ClipBatches`."""

    def __init__(self, training: tuple[Tensor, Tensor, Tensor], held_out: tuple[Tensor, Tensor, Tensor] | None) -> None:
        self.training, self.rest, self.device = training, held_out, torch.device("cpu")
        self.held_out = np.ones(len(held_out[2]) if held_out else 0, bool)
        self.epochs = 0

    def epoch(self, number: int) -> list[tuple[Tensor, ...]]:
        self.epochs += 1
        order = torch.randperm(len(self.training[2]), generator=torch.Generator().manual_seed(number))
        return [tuple(part[rows] for part in self.training) for rows in order.split(64)]

    def validation(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        return [self.rest] if self.rest else []


def test_weights_are_a_distribution_and_the_views_are_their_definitions() -> None:
    model = heads()
    logmel, logits, _ = clips(9, 0)
    weights = model.weights(logmel)
    assert weights.shape == (9, K) and bool((weights > 0).all())
    torch.testing.assert_close(weights.sum(1), torch.ones(9))
    torch.testing.assert_close(weights, model.backbone(logmel)[:, :K].softmax(1))
    views = model.views(logmel, logits)
    assert list(views) == ["mean", *PAPER_VIEWS]
    torch.testing.assert_close(views["z1 (paper)"], (weights[..., None] * logits).sum(1))
    torch.testing.assert_close(views["z2 (paper)"], model.z2(logits.flatten(1)))
    torch.testing.assert_close(model(logmel, logits), (views["z1 (paper)"] + views["z2 (paper)"]) / 2)
    folds = torch.stack([logits, 2 * logits], 1)
    second = model.views(logmel, 2 * logits)
    torch.testing.assert_close(
        model.views(logmel, folds)["z2 (paper)"], (views["z2 (paper)"] + second["z2 (paper)"]) / 2
    )


class JointLoss(nn.Module):
    def __init__(self, model: PaperHeads) -> None:
        super().__init__()
        self.model = model

    def forward(self, logmel: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        return joint_loss(self.model.views(logmel, logits), labels)


def test_the_joint_loss_has_the_right_gradient_and_reaches_both_heads() -> None:
    model = JointLoss(heads(hidden=4).double())
    data = tuple(x.double() if x.is_floating_point() else x for x in clips(4, 1))
    names, parameters = zip(*model.named_parameters(), strict=True)

    def loss(*values: Tensor) -> Tensor:
        return torch.func.functional_call(model, dict(zip(names, values, strict=True)), data)

    assert torch.autograd.gradcheck(loss, parameters, fast_mode=True)
    gradients = torch.autograd.grad(loss(*parameters), parameters)
    assert all(bool(gradient.any()) for gradient in gradients)
    views = model.model.views(*data[:2])
    each = [F.cross_entropy(views[name], data[2]) for name in PAPER_VIEWS]
    torch.testing.assert_close(loss(*parameters), each[0] + each[1] + each[2])


def accuracy(model: PaperHeads, data: tuple[Tensor, Tensor, Tensor]) -> dict[str, float]:
    with torch.no_grad():
        return {n: float((v.argmax(1) == data[2]).float().mean()) for n, v in model.eval().views(*data[:2]).items()}


def test_z2_learns_which_teacher_is_right_about_which_class() -> None:
    model, data = heads(), Clips(clips(600, 0), clips(300, 1))
    model.standardise.set(data.training[1].flatten(1))
    best = train_together(model, data, epochs=20, lr=5e-3, weight_decay=1e-2, seed=0)  # type: ignore[arg-type]
    found = accuracy(model, clips(500, 2))
    assert 1 <= best <= 20 and data.epochs == 20
    assert min(found["z2 (paper)"], found["z1+z2 (paper)"]) > found["mean"] + 0.2
    again = heads()
    again.standardise.set(data.training[1].flatten(1))
    train_together(again, data, epochs=20, lr=5e-3, weight_decay=1e-2, seed=0)  # type: ignore[arg-type]
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_training_stops_at_the_best_epoch_and_without_held_out_clips_at_the_last() -> None:
    noise = clips(64, 3)
    noise = (noise[0], noise[1], torch.randint(C, (64,), generator=torch.Generator().manual_seed(0)))
    assert train_together(heads(), Clips(noise, clips(200, 4)), epochs=6, lr=3e-2, weight_decay=0.0, seed=0) < 6  # type: ignore[arg-type]
    assert train_together(heads(), Clips(noise, None), epochs=4, lr=1e-3, weight_decay=0.0, seed=0) == 4  # type: ignore[arg-type]
    layer = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="no clips"):
        best_epoch(
            layer, lambda batch: batch[0].sum(), lambda number: [], optimizer=torch.optim.SGD(layer.parameters(), 0.1),
            epochs=1, train=lambda: None, validate=lambda: 0.0, seed=0,
        )  # fmt: skip


@pytest.mark.parametrize("teachers", [1, 8])
def test_the_backbone_is_the_students_with_one_score_a_teacher(teachers: int) -> None:
    model = untrained_paper_heads(FrontEnd.for_clip(64, 33), teachers, C, seed=1, hidden=8).eval()
    assert model.weights(torch.randn(2, 1, 64, 33)).shape == (2, teachers)
    assert model.fused_views(torch.full((2, teachers), 1 / teachers), torch.randn(2, teachers, C))[
        PAPER_VIEWS[1]
    ].shape == (2, C)
    same = untrained_paper_heads(FrontEnd.for_clip(64, 33), teachers, C, seed=1, hidden=8)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True))


def test_heads_that_cannot_be_trained_are_refused() -> None:
    with pytest.raises(ValueError, match="paper_epochs >= 1 for the heads 'paper'"):
        FusionSettings(heads="paper", paper_epochs=0)
    with pytest.raises(ValueError, match="paper_hidden >= 1"):
        FusionSettings(paper_hidden=0)


@pytest.mark.slow
def test_both_sets_stand_in_one_table_and_the_setting_decides(
    tiny_data: Path, tiny_cache: Path, tiny_workspace: Workspace, tiny_settings: list[str]
) -> None:
    given = [s for s in tiny_settings if s != "--set"]
    chosen = Settings.load(None, [*given, "fusion.heads=paper", "fusion.view=z1+z2"])
    ws = open_workspace(tiny_data, chosen, cache=tiny_cache)
    ours, theirs = fuse(tiny_workspace), fuse(ws)
    assert ours.key == theirs.key and theirs.view == "z1+z2 (paper)" and theirs.heads is theirs.paper
    assert ours.view in VIEWS and ours.heads is ours.ensemble
    validation = ws.features(ws.dataset.validation, theirs.front_end, "validation")
    table = theirs.table(validation, "validation")
    assert [r.name for r in table][-8:] == ["weighted mean", *VIEWS, *PAPER_VIEWS]
    assert table == ours.table(validation, "validation")
    mixing = theirs.mixing(validation, "validation")
    assert mixing.shape == (len(validation), 2) and np.allclose(mixing.sum(1), 1, atol=1e-5)
    targets = theirs.targets()
    assert np.isfinite(targets).all() and target_file(theirs) != target_file(replace(ours, view="z1+z2"))
    assert not np.allclose(targets, replace(ours, view="z1+z2").targets())
    assert np.array_equal(fuse(ws).targets(), targets)
