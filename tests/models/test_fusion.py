"""The fusion heads start as the mean logit, and learn to route by clip (z1) and to correct by class (z2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.fusion import Z1, Z2, Batch, Ensemble, best_view, fit_fusion, log_loss, mean_logit, mixture

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
    return Ensemble(Z1(teachers, Backbone(teachers)), Z2(teachers, classes))


def clips(
    count: int, seed: int, right: Callable[[Tensor, Tensor], Tensor], scales: tuple[float, ...] = (4.0,) * K
) -> Batch:
    """Clips of two kinds (seen in the log-mel); right(kind, label) says (B, K) which teachers know the label."""
    g = torch.Generator().manual_seed(seed)
    kind, labels = torch.randint(0, 2, (count,), generator=g), torch.randint(0, C, (count,), generator=g)
    logmel = torch.randn(count, 1, *SIZE, generator=g) + kind[:, None, None, None]
    guess = torch.randint(0, C, (count, K), generator=g)
    said = torch.where(right(kind, labels).bool(), labels[:, None], guess)
    logits = F.one_hot(said, C) + 0.3 * torch.randn(count, K, C, generator=g)
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
    found = mixture(logits, labels)
    assert float(found.sum()) == pytest.approx(1) and bool((found > 0).all())

    def loss(w: Tensor) -> float:
        return float(F.cross_entropy(torch.einsum("k,nkc->nc", w, logits), labels))

    grid = [(a / 40, b / 40, (40 - a - b) / 40) for a in range(41) for b in range(41 - a)]
    assert loss(found) <= min(loss(torch.tensor(w)) for w in grid) + 1e-6


def test_a_view_is_taken_for_more_than_a_standard_error_over_places() -> None:
    labels = torch.randint(C, (400,), generator=torch.Generator().manual_seed(0))
    mean, right = torch.zeros(400, C), torch.eye(C)[labels]
    places = [f"place {i % 20}" for i in range(400)]
    assert best_view({"mean": mean, "z1": mean + right, "z2": mean + 0.5 * right}, labels, places) == "z1"
    assert best_view({"mean": mean, "z1": mean - right, "z2": mean - 0.5 * right}, labels, places) == "mean"
    lucky = mean + right * torch.tensor([1.0 if p == "place 3" else 0.0 for p in places])[:, None]
    assert (
        best_view({"mean": mean, "z1": lucky}, labels, places) == "mean"
    )  # better on the whole, but at one place only
    assert best_view({"mean": mean, "z1": mean + right}, labels, ["here"] * 400) == "mean"  # one place: no telling


def test_weights_are_a_distribution_and_z1_is_their_sum() -> None:
    z1 = stirred(ensemble()).z1
    logmel, logits = torch.randn(9, 1, *SIZE), torch.randn(9, K, C)
    weights = z1.weights(logmel)
    assert weights.shape == (9, K) and (weights > 0).all() and weights.std(0).min() > 0
    torch.testing.assert_close(weights.sum(1), torch.ones(9))
    torch.testing.assert_close(z1(logmel, logits), (weights[..., None] * logits).sum(1))


def stirred(model: Ensemble) -> Ensemble:
    """An ensemble that has left its start, in evaluation mode."""
    torch.manual_seed(7)
    for p in model.parameters():
        nn.init.normal_(p, std=0.3)
    return model.eval()


def test_constants_and_companions_do_not_matter() -> None:
    model = stirred(ensemble())
    logmel, logits = torch.randn(9, 1, *SIZE), torch.randn(9, K, C)
    fused = model(logmel, logits)
    shifted = model(logmel, logits + 5 * torch.randn(9, K, 1))
    torch.testing.assert_close(F.softmax(shifted, 1), F.softmax(fused, 1), rtol=1e-4, atol=1e-5)
    order = torch.randperm(9)
    torch.testing.assert_close(model(logmel[order], logits[order]), fused[order])
    torch.testing.assert_close(model(logmel[:1], logits[:1]), fused[:1])


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


def test_gradients_reach_every_parameter_after_the_first_step() -> None:
    model, data = ensemble(), clips(64, 0, by_kind)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        F.cross_entropy(model(*data[:2]), data[2]).backward()
        optimizer.step()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]


def test_z1_routes_clips_to_the_teacher_that_knows_their_kind() -> None:
    model, test = ensemble(), clips(1000, 1, by_kind)
    fit_fusion(model, batches(clips(1000, 0, by_kind)), epochs=15, lr=1e-2)
    score = accuracy(model, test)
    assert score["z1"] > score["mean"] + 0.1 and score["z1+z2"] > score["mean"] + 0.1
    weights = model.z1.weights(test[0])
    kind = test[0].mean((1, 2, 3)) > 0.5
    assert weights[~kind, 0].mean() > 0.6 and weights[kind, 1].mean() > 0.6


def test_z2_learns_whom_to_believe_about_which_class() -> None:
    model, test = ensemble(), clips(1000, 1, by_class, scales=(2.0, 40.0, 0.5))
    fit_fusion(model, batches(clips(1000, 0, by_class, scales=(2.0, 40.0, 0.5))), epochs=20, lr=1e-2)
    score, loss = accuracy(model, test), {v: log_loss(model, [test], v) for v in ("mean", "z2", "z1+z2")}
    assert score["z2"] > score["mean"] + 0.1 and score["z1+z2"] > score["mean"] + 0.1
    assert loss["z2"] < loss["mean"] and loss["z1+z2"] < loss["mean"]


def test_fit_is_deterministic_and_leaves_the_global_generator_alone() -> None:
    states = []
    for noise in (1, 2):
        model = ensemble()
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        fit_fusion(model, batches(clips(200, 0, by_kind)), epochs=2, seed=3)
        assert torch.equal(torch.get_rng_state(), before) and not model.training
        states.append(model.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))


def test_fit_keeps_the_best_and_the_mean_when_nothing_beats_it() -> None:
    model, data, test = ensemble(), clips(300, 0, by_kind), clips(300, 1, by_kind)
    fit = fit_fusion(model, batches(data), epochs=8, lr=1e-2, validate=lambda m: log_loss(m, [test]))
    assert log_loss(model, [test]) == pytest.approx(min(fit.validation)) and fit.kept > 0
    assert len(fit.training) == 8 and len(fit.validation) == 9 and fit.training[-1] < fit.training[0]

    wrong = (data[0], data[1], (data[2] + 1) % C)  # what is learned here only harms
    model = ensemble()
    fit = fit_fusion(model, batches(wrong), epochs=20, lr=1e-2, validate=lambda m: log_loss(m, [test]), patience=3)
    assert fit.kept == 0 and len(fit.training) == 3
    torch.testing.assert_close(model(*test[:2]), mean_logit(test[1]))


def test_no_clips_is_an_error() -> None:
    with pytest.raises(ValueError, match="no clips"):
        fit_fusion(ensemble(), lambda _: [], epochs=1)
    with pytest.raises(ValueError, match="no clips"):
        log_loss(ensemble(), [])


def test_state_survives_safetensors() -> None:
    model, other = ensemble(0), ensemble(1).eval()
    data = clips(100, 0, by_class)
    fit_fusion(model, batches(data), epochs=2)
    assert not torch.equal(model(*data[:2]), other(*data[:2]))
    other.load_state_dict(load(save(model.state_dict())))
    assert torch.equal(model(*data[:2]), other(*data[:2]))
