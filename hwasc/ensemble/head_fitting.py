"""Fitting the fusion heads on logits for clips that the teachers were not trained on: on seen clips they learn wrong weights.

A few thousand clips of some dozen places tell little about whom to believe, so what is fitted on them is small and held back:
the gate of z1 and z2's MLPs by ridge regression's penalty, to the minimum, and z1's backbone only where it earns its place on
locations that it did not hear.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hwasc.ensemble.heads import VIEWS, Ensemble

CLIPS = 20_000  # that a few hundred numbers are fitted on; more say the same
PARTS = 5  # of the locations, for views of clips that the heads were not fitted on
STEPS = 200  # of L-BFGS
Batch = tuple[Tensor, Tensor, Tensor]  # log-mel (B, 1, F, T), logits (B, K, C), labels (B,)


def mixture(logits: Tensor, labels: Tensor) -> Tensor:
    """One weight a teacher for all clips: (n, K, C) and labels (n,) -> (K,), positive with sum 1, of least log loss there.

    The weighted mean that z1, whose weights follow the clip, has to beat. Deterministic: L-BFGS from equal weights.
    """
    y, raw = logits.double(), torch.zeros(logits.shape[1], dtype=torch.float64, requires_grad=True)
    _minimise([raw], lambda: F.cross_entropy(torch.einsum("k,nkc->nc", raw.softmax(0), y), labels))
    return raw.detach().softmax(0).to(logits.dtype)


def fit_heads(
    ensemble: Ensemble, backbone_scores: Tensor, logits: Tensor, labels: Tensor, ridges: tuple[float, float], seed: int
) -> None:
    """Set z1's gate, z2's MLPs and both temperatures to the minimum of CE(z1) + CE(z2) + CE(z1+z2) + penalty, in place.

    hint: (n, K), what z1's backbone says of these clips, zeros without one. penalty: ridges times the squares of the gate's
    weights, and of how far the MLPs are from their start, which the seed draws. All else of the ensemble stays. ValueError: no
    clips.
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
        apart = sum((((p - s) ** 2).sum() for p, s in zip(mlps, start, strict=True)), torch.zeros(()))
        return fit + ridges[0] * (z1.gate.weight**2).sum() + ridges[1] * apart

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
    """Train z1's backbone in place by AdamW on CE(z1) + CE(z1+z2), all else fixed; the epoch kept, 0: none was better.

    batches(epoch) gives that epoch's batches (epochs count from 0). validate: lower is better, e.g. the log loss of held-out
    clips; the best state is kept, the start included. Deterministic by seed. ValueError: no batch.
    """
    z1 = ensemble.z1
    trained = [*z1.backbone.parameters(), *z1.head.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=lr, weight_decay=weight_decay)
    least, kept, best = validate(), 0, copy.deepcopy(z1.state_dict())
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for epoch in range(epochs):
            _train_epoch(ensemble, batches(epoch), optimizer)
            if (now := validate()) < least:
                least, kept, best = now, epoch + 1, copy.deepcopy(z1.state_dict())
    z1.load_state_dict(best)
    ensemble.eval().zero_grad()
    return kept


def gain(better: Tensor, reference: Tensor, labels: Tensor, groups: Sequence[str]) -> tuple[float, float]:
    """By how much the log loss of some logits is less than the reference's, and its standard error, over the groups' means.

    groups: of each clip, its location: clips of one place are alike. Places weigh equally; the error is infinite with one.
    """
    names = np.unique(np.asarray(groups), return_inverse=True)[1]
    each = F.cross_entropy(reference, labels, reduction="none") - F.cross_entropy(better, labels, reduction="none")
    by_place = np.bincount(names, each.double().numpy()) / np.bincount(names)
    error = by_place.std(ddof=1) / len(by_place) ** 0.5 if len(by_place) > 1 else float("inf")
    return float(by_place.mean()), float(error)


def at_best_scale(logits: Tensor, labels: Tensor) -> Tensor:
    """Logits (n, C) times the one positive number of least log loss: what then differs is what they tell apart, not how sure."""
    y, log_scale = logits.double(), torch.zeros((), dtype=torch.float64, requires_grad=True)
    _minimise([log_scale], lambda: F.cross_entropy(log_scale.exp() * y, labels))
    return (log_scale.detach().exp() * y).to(logits.dtype)


def best_view(views: Mapping[str, Tensor], labels: Tensor, groups: Sequence[str]) -> str:
    """The view of least log loss on held-out clips, or 'mean' where its gain on the mean is within a standard error.

    Each is judged at its best scale: the heads have temperatures and the plain mean has none, so a gain by that alone would
    be taken for knowledge, and students learn at a temperature of their own. views: fused logits (n, C) by name, 'mean' among
    them. groups: see `gain`.
    """
    scaled = {name: at_best_scale(v, labels) for name, v in views.items()}
    gains = {name: gain(v, scaled["mean"], labels, groups) for name, v in scaled.items()}
    best = max(gains, key=lambda name: gains[name][0])
    return best if gains[best][0] > gains[best][1] else "mean"


def crossed_views(
    ensemble: Ensemble,
    logits: Tensor,
    labels: Tensor,
    groups: Sequence[str],
    ridges: tuple[float, float],
    seed: int,
) -> dict[str, Tensor]:
    """Every view (n, C) of clips by heads that were fitted on other groups alone, in up to PARTS parts; of a copy.

    Without z1's backbone, which has heard most of these groups.
    """
    model, names = copy.deepcopy(ensemble), np.unique(np.asarray(groups), return_inverse=True)[1]
    backbone_scores = logits.new_zeros(logits.shape[:2])
    order = np.random.default_rng([seed, 19]).permutation(int(names.max()) + 1)
    part = torch.from_numpy(order % PARTS)[torch.from_numpy(names)]
    out = {name: logits.mean(1).clone() for name in VIEWS}
    for held in (part == i for i in part.unique()):
        if bool(held.all()):
            return out  # one place: nothing else to fit on
        fit_heads(model, backbone_scores[~held], logits[~held], labels[~held], ridges, seed)
        with torch.no_grad():
            for name, view in model.fused_views(backbone_scores[held], logits[held]).items():
                out[name][held] = view
    return out


def _train_epoch(ensemble: Ensemble, batches: Iterable[Batch], optimizer: torch.optim.Optimizer) -> None:
    ensemble.eval().z1.backbone.train()
    count = 0
    for logmel, logits, labels in batches:
        views = ensemble.views(logmel, logits)
        loss = F.cross_entropy(views["z1"], labels) + F.cross_entropy(views["z1+z2"], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        count += 1
    if count == 0:
        raise ValueError("there are no clips to fit the fusion heads on")
    ensemble.eval()


def _minimise(parameters: list[Tensor], loss: Callable[[], Tensor]) -> None:
    optimizer = torch.optim.LBFGS(parameters, max_iter=STEPS, line_search_fn="strong_wolfe")

    def step() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(step)
