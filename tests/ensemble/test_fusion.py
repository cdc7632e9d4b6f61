"""The fusion heads start as the mean logit, and learn to route by clip (z1) and to correct by class (z2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.ensemble.head_fitting import (
    Batch,
    at_best_scale,
    best_view,
    cross_fitted_views,
    fit_backbone,
    fit_heads,
    fit_mixture_weights,
    log_loss_gain,
)
from hwasc.ensemble.heads import Z1, Z2, Ensemble, Standardise, gate_inputs, mean_logit

K, C, SIZE = 3, 5, (12, 6)


class Backbone(nn.Module):
    """Stands in for a small student: log-mel (B, 1, F, T) -> (B, outputs)."""

    def __init__(self, outputs: int = K) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, 2)
        self.head = nn.Linear(8 * 5 * 2, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.conv(x)).flatten(1))


def ensemble(seed: int = 0, teachers: int = K, classes: int = C) -> Ensemble:
    torch.manual_seed(seed)
    return Ensemble(Z1(teachers, classes, Backbone(teachers)), Z2(teachers, classes))


def clips(
    count: int, seed: int, right: Callable[[Tensor, Tensor], Tensor], scales: tuple[float, ...] = (4.0,) * K
) -> Batch:
    """Clips of two kinds (seen in the log-mel); right(kind, label) gives (B, K): which teachers know the label."""
    g = torch.Generator().manual_seed(seed)
    kind, labels = torch.randint(0, 2, (count,), generator=g), torch.randint(0, C, (count,), generator=g)
    logmel = torch.randn(count, 1, *SIZE, generator=g) + kind[:, None, None, None]
    guess = torch.randint(0, C, (count, K), generator=g)
    predicted = torch.where(right(kind, labels).bool(), labels[:, None], guess)
    logits = F.one_hot(predicted, C) + 0.3 * torch.randn(count, K, C, generator=g)
    return logmel, logits * torch.tensor(scales)[:, None], labels


def batches(data: Batch, size: int = 64) -> Callable[[int], Iterable[Batch]]:
    def epoch(number: int) -> Iterable[Batch]:
        order = torch.randperm(len(data[2]), generator=torch.Generator().manual_seed(number))
        for rows in order.split(size):
            yield data[0][rows], data[1][rows], data[2][rows]

    return epoch


def accuracy(model: Ensemble, data: Batch) -> dict[str, float]:
    with torch.no_grad():
        views = model.eval().views(data[0], data[1])
    return {name: float((fused.argmax(1) == data[2]).float().mean()) for name, fused in views.items()}


def by_kind(kind: Tensor, labels: Tensor) -> Tensor:
    """Teacher 0 knows kind 0, teacher 1 knows kind 1, teacher 2 knows nothing."""
    return torch.stack([kind == 0, kind == 1, torch.zeros_like(kind)], 1)


def by_class(kind: Tensor, labels: Tensor) -> Tensor:
    """Teacher k knows classes k and 3 + k, whatever the clip."""
    return torch.stack([labels % 3 == k for k in range(K)], 1)


@pytest.mark.parametrize(("teachers", "classes"), [(1, 2), (3, 5), (7, 10)])
@pytest.mark.parametrize("training", [True, False])
def test_every_view_starts_as_the_mean(teachers: int, classes: int, training: bool) -> None:
    model = ensemble(0, teachers, classes).train(training)
    logmel, logits = torch.randn(9, 1, *SIZE), 30 * torch.randn(9, teachers, classes)
    views = model.views(logmel, logits)
    assert list(views) == ["mean", "z1", "z2", "z1+z2"]
    assert torch.equal(views["mean"], logits.mean(1)) and torch.equal(views["z2"], model.z2(logits))
    assert torch.equal(views["z2"], views["mean"])
    for fused in (*views.values(), model(logmel, logits)):
        assert fused.shape == (9, classes)
        torch.testing.assert_close(fused, mean_logit(logits))


@pytest.mark.parametrize("seed", range(3))
def test_the_weighted_mean_is_the_best_of_all_mixtures(seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(C, (200,), generator=g)
    right = 2 * torch.eye(C)[labels]
    logits = torch.stack([right * skill + torch.randn(200, C, generator=g) for skill in (0.2, 1.0, 0.6)], 1)
    found = fit_mixture_weights(logits, labels)
    assert float(found.sum()) == pytest.approx(1) and bool((found > 0).all())

    def loss(w: Tensor) -> float:
        return float(F.cross_entropy(torch.einsum("k,nkc->nc", w, logits), labels))

    grid = [(a / 40, b / 40, (40 - a - b) / 40) for a in range(41) for b in range(41 - a)]
    assert loss(found) <= min(loss(torch.tensor(w)) for w in grid) + 1e-6


def test_a_view_is_taken_for_more_than_a_standard_error_over_places() -> None:
    g = torch.Generator().manual_seed(0)
    labels = torch.randint(C, (400,), generator=g)
    mean, right = torch.randn(400, C, generator=g), torch.eye(C)[labels]
    places = [f"place {i % 20}" for i in range(400)]
    assert best_view({"mean": mean, "z1": mean + right, "z2": mean + 0.5 * right}, labels, places) == "z1"
    assert best_view({"mean": mean, "z1": mean - right, "z2": mean - 0.5 * right}, labels, places) == "mean"
    lucky = mean + right * torch.tensor([1.0 if p == "place 3" else 0.0 for p in places])[:, None]
    assert (
        best_view({"mean": mean, "z1": lucky}, labels, places) == "mean"
    )  # better on the whole, but at one place only
    assert (
        best_view({"mean": mean, "z1": mean + right}, labels, ["here"] * 400) == "mean"
    )  # one location: no standard error


def test_a_view_that_is_the_mean_but_surer_or_less_sure_is_no_better() -> None:
    g = torch.Generator().manual_seed(0)
    labels = torch.randint(C, (400,), generator=g)
    mean, places = torch.eye(C)[labels] + torch.randn(400, C, generator=g), [f"place {i % 20}" for i in range(400)]
    confident = 9 * mean
    assert F.cross_entropy(confident, labels) > 2 * F.cross_entropy(mean, labels)
    assert best_view({"mean": confident, "z1": mean}, labels, places) == "mean"
    assert best_view({"mean": mean, "z1": confident + 2 * torch.eye(C)[labels]}, labels, places) == "z1"


def test_the_best_scale_is_the_best_on_a_grid_and_needs_no_start() -> None:
    g = torch.Generator().manual_seed(1)
    labels = torch.randint(C, (200,), generator=g)
    logits = torch.eye(C)[labels] + torch.randn(200, C, generator=g)
    found = at_best_scale(logits, labels)
    assert F.cross_entropy(found, labels) <= min(F.cross_entropy(s / 50 * logits, labels) for s in range(1, 200)) + 1e-5
    torch.testing.assert_close(at_best_scale(9 * logits, labels), found, rtol=1e-3, atol=1e-3)
    assert torch.equal(found.argmax(1), logits.argmax(1))


def test_weights_are_a_distribution_and_z1_is_their_sum_over_a_temperature() -> None:
    z1 = stirred(ensemble()).z1
    logmel, logits = torch.randn(9, 1, *SIZE), torch.randn(9, K, C)
    backbone_scores = z1.backbone_scores(logmel)
    weights = z1.weights(backbone_scores, logits)
    assert weights.shape == (9, K) and (weights > 0).all() and weights.std(0).min() > 0
    torch.testing.assert_close(weights.sum(1), torch.ones(9))
    torch.testing.assert_close(z1(backbone_scores, logits), z1.log_scale.exp() * (weights[..., None] * logits).sum(1))
    assert bool((z1.weights(backbone_scores + torch.tensor([9.0, 0, 0]), logits)[:, 0] > weights[:, 0]).all())


def test_evidence_is_what_its_definition_says() -> None:
    logits = torch.tensor([[[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    sure = torch.tensor([2.0, 0, 0]).softmax(0)
    mean = (sure + 1 / 3) / 2
    entropy = float(-(sure * sure.log()).sum())
    divergence = [float((p * (p / mean).log()).sum()) for p in (sure, torch.full((3,), 1 / 3))]
    expected = torch.tensor([entropy, float(torch.tensor(3.0).log()), 2.0, 0.0, *divergence])
    found = gate_inputs(logits)[0]
    torch.testing.assert_close(found[:6], expected)
    torch.testing.assert_close(found[6:], (torch.tensor([1.0, 0, 0])).log_softmax(0))
    torch.testing.assert_close(gate_inputs(logits + torch.randn(1, 2, 1))[0], found)


def test_constant_values_are_not_scaled() -> None:
    scale = Standardise(2)
    scale.set(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    assert scale(torch.tensor([2.0, 6.0])).tolist() == [0.0, 1.0]


def stirred(model: Ensemble) -> Ensemble:
    """An ensemble with random weights, in evaluation mode."""
    torch.manual_seed(7)
    for p in model.parameters():
        nn.init.normal_(p, std=0.3)
    return model.eval()


def test_constants_and_other_clips_of_the_batch_do_not_matter() -> None:
    model = stirred(ensemble())
    logmel, logits = torch.randn(9, 1, *SIZE), torch.randn(9, K, C)
    fused = model(logmel, logits)
    shifted = model(logmel, logits + 5 * torch.randn(9, K, 1))
    torch.testing.assert_close(F.softmax(shifted, 1), F.softmax(fused, 1), rtol=1e-4, atol=1e-5)
    order = torch.randperm(9)
    torch.testing.assert_close(model(logmel[order], logits[order]), fused[order])
    torch.testing.assert_close(model(logmel[:1], logits[:1]), fused[:1])


def test_folds_are_fused_one_by_one_and_averaged() -> None:
    model = stirred(ensemble())
    logmel, logits = torch.randn(9, 1, *SIZE), torch.randn(9, 2, K, C)
    both = [model.views(logmel, part) for part in logits.unbind(1)]
    for name, found in model.views(logmel, logits).items():
        torch.testing.assert_close(found, (both[0][name] + both[1][name]) / 2)


def test_teachers_can_be_listed_in_any_order() -> None:
    model, order = stirred(ensemble()), torch.tensor([2, 0, 1])
    logits = torch.randn(9, K, C)
    before = model.z2(logits)
    model.z2.first.data = model.z2.first.data[:, order]
    torch.testing.assert_close(model.z2(logits[:, order]), before)


def test_a_class_is_corrected_by_its_own_mlp() -> None:
    z2 = stirred(ensemble()).z2
    logits = torch.randn(9, K, C)
    before = z2(logits)
    z2.last.data[2] += 1
    changed = (z2(logits) != before).any(0)
    assert changed.tolist() == [False, False, True, False, False]


def fitted(data: Batch, ridge: float = 0.003, seed: int = 0) -> Ensemble:
    model = ensemble()
    fit_heads(model, torch.zeros(len(data[2]), K), data[1], data[2], ridges=(ridge, ridge), seed=seed)
    return model


def loss(model: Ensemble, data: Batch, view: str = "z1+z2") -> float:
    with torch.no_grad():
        return float(F.cross_entropy(model.eval().views(data[0], data[1])[view], data[2]))


def certain_when_right(count: int, seed: int) -> Batch:
    """Clips on which each teacher is right and more certain, or wrong and less certain: its logits show which."""
    g = torch.Generator().manual_seed(seed)
    labels, knows = torch.randint(0, C, (count,), generator=g), torch.rand(count, K, generator=g) < 0.4
    predicted = torch.where(knows, labels[:, None], torch.randint(0, C, (count, K), generator=g))
    return (
        torch.randn(count, 1, *SIZE, generator=g),
        F.one_hot(predicted, C) * torch.where(knows, 3.0, 2.0)[..., None],
        labels,
    )


def test_z1_weights_the_teacher_whose_logits_show_that_it_is_right() -> None:
    model, test = fitted(certain_when_right(1000, 0)), certain_when_right(1000, 1)
    score = accuracy(model, test)
    assert score["z1"] > score["mean"] + 0.03 and loss(model, test, "z1") < loss(model, test, "mean") - 0.1


def test_z2_learns_which_teacher_is_right_about_which_class() -> None:
    scales = (2.0, 40.0, 0.5)
    model, test = fitted(clips(1000, 0, by_class, scales)), clips(1000, 1, by_class, scales)
    score = accuracy(model, test)
    assert score["z2"] > score["mean"] + 0.1 and score["z1+z2"] > score["mean"] + 0.1
    assert loss(model, test, "z2") < loss(model, test, "mean") and loss(model, test) < loss(model, test, "mean")


def test_a_stronger_penalty_learns_less_and_a_huge_one_only_temperatures() -> None:
    data = clips(500, 0, by_class)
    corrections = [float(fitted(data, ridge).z2.correction(data[1]).abs().mean()) for ridge in (0.003, 0.3, 1e6)]
    assert corrections[0] > corrections[1] > corrections[2] and corrections[2] < 1e-3
    z1 = fitted(data, 1e6).z1
    assert (
        float(z1.gate.weight.detach().abs().max()) < 1e-3 and float(z1.log_scale) != 0
    )  # what is not penalised is still fitted


def test_heads_lie_at_a_minimum() -> None:
    data = tuple(x.double() if x.is_floating_point() else x for x in clips(300, 0, by_class))
    model = fitted(data, 0.03).double()
    backbone_scores = torch.zeros(300, K).double()

    def total() -> Tensor:
        views = model.fused_views(backbone_scores, data[1])
        fit = sum(F.cross_entropy(views[v], data[2]) for v in ("z1", "z2", "z1+z2"))
        return (
            fit + 0.03 * (model.z1.gate.weight**2).sum()
        )  # z2's start is not known here: its gradients are not looked at

    total().backward()
    for p in (model.z1.gate.weight, model.z1.gate.bias, model.z1.log_scale, model.z2.log_scale):
        assert p.grad is not None and float(p.grad.abs().max()) < 5e-3


def test_fits_are_deterministic_and_leave_the_global_generator_and_the_backbone_alone() -> None:
    data, states = clips(200, 0, by_kind), []
    for noise in (1, 2):
        model = ensemble()
        before = {k: v.clone() for k, v in model.state_dict().items() if "backbone" in k or k == "z1.head.weight"}
        torch.manual_seed(noise)
        state = torch.get_rng_state()
        fit_heads(model, torch.zeros(200, K), data[1], data[2], ridges=(0.03, 0.03), seed=3)
        after = model.state_dict()
        assert all(torch.equal(v, after[k]) for k, v in before.items())
        backbone(model, data, data, epochs=2)
        assert torch.equal(torch.get_rng_state(), state) and not model.training
        states.append(model.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))


def backbone(model: Ensemble, data: Batch, held: Batch, epochs: int = 15) -> int:
    return fit_backbone(
        model, batches(data), epochs=epochs, lr=1e-2, weight_decay=1e-2, validate=lambda: loss(model, held), seed=3
    )


@pytest.mark.slow
def test_the_backbone_routes_clips_to_the_teacher_that_knows_their_kind() -> None:
    data, test = clips(1000, 0, by_kind), clips(1000, 1, by_kind)
    model = fitted(data)
    before = accuracy(model, test)
    assert backbone(model, data, test) > 0
    score = accuracy(model, test)
    assert score["z1"] > before["z1"] + 0.1 and score["z1+z2"] > before["z1+z2"] + 0.1
    weights = model.z1.weights(model.z1.backbone_scores(test[0]), test[1])
    kind = test[0].mean((1, 2, 3)) > 0.5
    assert weights[~kind, 0].mean() > 0.6 and weights[kind, 1].mean() > 0.6


def test_a_backbone_that_only_harms_is_left_as_it_was() -> None:
    data, test = clips(300, 0, by_kind), clips(300, 1, by_kind)
    model = fitted(data, 1e6)
    assert backbone(model, (data[0], data[1], (data[2] + 1) % C), test, epochs=4) == 0
    assert not model.z1.head.weight.any()


def test_gradients_reach_every_parameter_after_the_first_step() -> None:
    model, data = ensemble(), clips(64, 0, by_kind)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        sum(F.cross_entropy(v, data[2]) for v in model.views(*data[:2]).values()).backward()
        optimizer.step()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]


def test_a_gain_is_measured_over_places() -> None:
    labels = torch.tensor([0, 0, 0, 1])
    reference, places = torch.zeros(4, 2), ["a", "a", "a", "b"]
    better = torch.tensor([[9.0, -9.0], [9.0, -9.0], [9.0, -9.0], [0.0, 0.0]])
    found, error = log_loss_gain(better, reference, labels, places)
    ln2 = float(torch.tensor(2.0).log())
    assert found == pytest.approx(ln2 / 2, abs=1e-5) and error == pytest.approx(ln2 / 2, abs=1e-5)
    assert log_loss_gain(better, reference, labels, ["a"] * 4)[1] == float("inf")


@pytest.mark.slow
def test_crossed_views_are_of_heads_that_never_saw_the_place() -> None:
    data = clips(400, 0, by_class)
    places = [f"place {i % 10}" for i in range(400)]
    found = cross_fitted_views(ensemble(), data[1], data[2], locations=places, ridges=(0.03, 0.03), seed=0)
    wrong = data[2].clone()
    there = torch.tensor([p == "place 3" for p in places])
    wrong[there] = (wrong[there] + 1) % C  # what a place's own labels are does not matter to its own views
    again = cross_fitted_views(ensemble(), data[1], wrong, locations=places, ridges=(0.03, 0.03), seed=0)
    assert torch.equal(found["z1+z2"][there], again["z1+z2"][there])
    assert not torch.equal(found["z1+z2"], again["z1+z2"])
    torch.testing.assert_close(found["mean"], mean_logit(data[1]))
    one = cross_fitted_views(ensemble(), data[1], data[2], locations=["here"] * 400, ridges=(0.03, 0.03), seed=0)
    assert all(torch.equal(v, mean_logit(data[1])) for v in one.values())


def test_no_clips_is_an_error() -> None:
    with pytest.raises(ValueError, match="no clips"):
        fit_heads(
            ensemble(),
            torch.zeros(0, K),
            torch.zeros(0, K, C),
            torch.zeros(0, dtype=torch.int64),
            ridges=(0.03, 0.03),
            seed=0,
        )
    with pytest.raises(ValueError, match="no clips"):
        fit_backbone(ensemble(), lambda _: [], epochs=1, lr=1e-2, weight_decay=0, validate=lambda: 0.0, seed=0)


def test_state_survives_safetensors() -> None:
    data = clips(100, 0, by_class)
    model, other = fitted(data), ensemble(1).eval()
    assert not torch.equal(model(*data[:2]), other(*data[:2]))
    other.load_state_dict(load(save(model.state_dict())))
    assert torch.equal(model(*data[:2]), other(*data[:2]))
