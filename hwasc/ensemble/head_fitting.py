"""Fitting the fusion heads on out-of-fold logits, that is, on logits of clips that the teachers were not trained on.

There are a few thousand clips from some dozen locations. They say little about which teacher is right, so the heads are small
and regularised: z1's gate and z2's MLPs are fitted to the minimum of a ridge-penalised loss (`fit_heads`), and z1's backbone is
trained separately (`fit_backbone`) and used only where it helps on held-out locations.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hwasc.ensemble.best_epoch import Batch, best_epoch
from hwasc.ensemble.heads import VIEWS, Ensemble

CLIPS = 20_000  # at most, to fit a few hundred numbers; more clips give the same fit
PARTS = 5  # folds of locations in `cross_fitted_views`
STEPS = 200  # of L-BFGS, at most


def fit_mixture_weights(logits: Tensor, labels: Tensor) -> Tensor:
    """Fit one weight a teacher for all clips: the reference for z1, whose weights differ from clip to clip.

    Deterministic: L-BFGS from equal weights.

    Args:
        logits: Of the teachers, (n, K, C).
        labels: (n,).

    Returns:
        (K,) of lowest log loss, positive with sum 1.
    """
    y, raw = logits.double(), torch.zeros(logits.shape[1], dtype=torch.float64, requires_grad=True)
    _minimise([raw], lambda: F.cross_entropy(torch.einsum("k,nkc->nc", raw.softmax(0), y), labels))
    return raw.detach().softmax(0).to(logits.dtype)


def fit_heads(
    ensemble: Ensemble,
    backbone_scores: Tensor,
    logits: Tensor,
    labels: Tensor,
    *,
    ridges: tuple[float, float],
    seed: int,
) -> None:
    """Fit z1's gate, z2's MLPs and both temperatures in place, to the minimum of CE(z1) + CE(z2) + CE(z1+z2) + penalty.

    The penalty is the first ridge times the squared weights of the gate, plus the second ridge times the squared distance of
    the MLPs from their initial weights. The rest of the ensemble stays as it is.

    Args:
        ensemble: The heads.
        backbone_scores: From `Z1.backbone_scores`, (n, K); zeros without a backbone.
        logits: Out-of-fold logits, (n, K, C).
        labels: (n,).
        ridges: Of z1's gate and of z2's MLPs, above 0.
        seed: Of the MLPs' initial weights, and of the clips where there are more than `CLIPS`.

    Raises:
        ValueError: There are no clips.
    """
    if len(labels) == 0:
        raise ValueError("there are no clips to fit the fusion heads on")
    rows = torch.from_numpy(np.random.default_rng([seed, 17]).permutation(len(labels))[:CLIPS])
    x, y, z = backbone_scores[rows].double(), logits[rows].double(), labels[rows]
    z1, z2 = ensemble.double().z1, ensemble.z2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        z1.reset_heads(y)
        z2.reset_heads(y)
    mlps = [z2.first, z2.first_bias, z2.last]
    start = [p.detach().clone() for p in mlps]

    def loss() -> Tensor:
        views = ensemble.fused_views(x, y)
        fit = sum((F.cross_entropy(views[v], z) for v in ("z1", "z2", "z1+z2")), torch.zeros(()))
        moved = sum((((p - s) ** 2).sum() for p, s in zip(mlps, start, strict=True)), torch.zeros(()))
        return fit + ridges[0] * (z1.gate.weight**2).sum() + ridges[1] * moved

    _minimise([*mlps, z1.gate.weight, z1.gate.bias, z1.log_scale, z2.log_scale], loss)
    ensemble.float().eval().zero_grad()


def fit_backbone(
    ensemble: Ensemble,
    batches: Callable[[int], Iterable[Batch]],
    *,
    epochs: int,
    lr: float,
    weight_decay: float,
    validate: Callable[[], float],
    seed: int,
) -> int:
    """Train z1's backbone in place by AdamW on CE(z1) + CE(z1+z2), and restore the weights of the best epoch.

    The rest of the ensemble stays as it is. Deterministic by the seed.

    Args:
        ensemble: The heads.
        batches: Gives the batches of an epoch, by its number from 0.
        epochs: Epochs to train.
        lr: Learning rate.
        weight_decay: Of AdamW.
        validate: Measures the ensemble after each epoch; lower is better, e.g. log loss of held-out clips.
        seed: Of what is random in the backbone.

    Returns:
        The epoch of the restored weights, from 1; 0 where the initial weights are best.

    Raises:
        ValueError: An epoch has no batch.
    """
    z1 = ensemble.z1

    def loss(batch: Batch) -> Tensor:
        logmel, logits, labels = batch
        views = ensemble.views(logmel, logits)
        return F.cross_entropy(views["z1"], labels) + F.cross_entropy(views["z1+z2"], labels)

    def train() -> None:
        ensemble.eval().z1.backbone.train()

    best = best_epoch(
        z1,
        loss,
        batches,
        optimizer=torch.optim.AdamW(
            [*z1.backbone.parameters(), *z1.head.parameters()], lr=lr, weight_decay=weight_decay
        ),
        epochs=epochs,
        train=train,
        validate=validate,
        seed=seed,
    )
    ensemble.eval().zero_grad()
    return best


def log_loss_gain(logits: Tensor, reference: Tensor, labels: Tensor, locations: Sequence[str]) -> tuple[float, float]:
    """By how much the log loss of some logits is below that of a reference, as a mean over locations.

    Clips of one location are similar, so each location counts once.

    Args:
        logits: (n, C).
        reference: (n, C).
        labels: (n,).
        locations: Of each clip.

    Returns:
        The mean gain (nats, positive where the logits are better) and its standard error, infinite for a single location.
    """
    indices = np.unique(np.asarray(locations), return_inverse=True)[1]
    by_clip = F.cross_entropy(reference, labels, reduction="none") - F.cross_entropy(logits, labels, reduction="none")
    by_location = np.bincount(indices, by_clip.double().numpy()) / np.bincount(indices)
    error = by_location.std(ddof=1) / len(by_location) ** 0.5 if len(by_location) > 1 else float("inf")
    return float(by_location.mean()), float(error)


def at_best_scale(logits: Tensor, labels: Tensor) -> Tensor:
    """Scale logits by the positive number of lowest log loss, so that only the ranking of classes matters, not the confidence.

    Args:
        logits: (n, C).
        labels: (n,).

    Returns:
        The scaled logits.
    """
    y, log_scale = logits.double(), torch.zeros((), dtype=torch.float64, requires_grad=True)
    _minimise([log_scale], lambda: F.cross_entropy(log_scale.exp() * y, labels))
    return (log_scale.detach().exp() * y).to(logits.dtype)


def best_view(views: Mapping[str, Tensor], labels: Tensor, locations: Sequence[str]) -> str:
    """Choose the view of lowest log loss, or `mean` where the best view's gain over it is within a standard error.

    All views are compared at their best scale (`at_best_scale`). The heads have temperatures and the plain mean has none, so
    that otherwise a better temperature alone could win; but students are trained at a temperature of their own.

    Args:
        views: Fused logits (n, C) of held-out clips by the name of the view, `mean` among them.
        labels: (n,).
        locations: Of each clip, see `log_loss_gain`.

    Returns:
        The name of the view.
    """
    scaled = {name: at_best_scale(v, labels) for name, v in views.items()}
    gains = {name: log_loss_gain(v, scaled["mean"], labels, locations) for name, v in scaled.items()}
    best = max(gains, key=lambda name: gains[name][0])
    return best if gains[best][0] > gains[best][1] else "mean"


def cross_fitted_views(
    ensemble: Ensemble,
    logits: Tensor,
    labels: Tensor,
    *,
    locations: Sequence[str],
    ridges: tuple[float, float],
    seed: int,
) -> dict[str, Tensor]:
    """Fuse clips in every view by heads that were fitted on other locations, in up to `PARTS` folds of locations.

    z1's backbone is left out, because it was trained on most of these locations. The ensemble itself is not changed.

    Args:
        ensemble: The heads.
        logits: Out-of-fold logits, (n, K, C).
        labels: (n,).
        locations: Of each clip.
        ridges: See `fit_heads`.
        seed: Of the folds, and see `fit_heads`.

    Returns:
        Fused logits (n, C) by the name of the view; the plain mean in every view where there is a single location.
    """
    model, indices = copy.deepcopy(ensemble), np.unique(np.asarray(locations), return_inverse=True)[1]
    backbone_scores = logits.new_zeros(logits.shape[:2])
    order = np.random.default_rng([seed, 19]).permutation(int(indices.max()) + 1)
    part = torch.from_numpy(order % PARTS)[torch.from_numpy(indices)]
    out = {name: logits.mean(1).clone() for name in VIEWS}
    for held_out in (part == i for i in part.unique()):
        if bool(held_out.all()):
            return out  # one location: there are no other clips to fit on
        fit = ~held_out
        fit_heads(model, backbone_scores[fit], logits[fit], labels[fit], ridges=ridges, seed=seed)
        with torch.no_grad():
            for name, view in model.fused_views(backbone_scores[held_out], logits[held_out]).items():
                out[name][held_out] = view
    return out


def _minimise(parameters: list[Tensor], loss: Callable[[], Tensor]) -> None:
    optimizer = torch.optim.LBFGS(parameters, max_iter=STEPS, line_search_fn="strong_wolfe")

    def step() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(step)
