"""Fusing teachers: z1 weighs them clip by clip, z2 corrects their mean class by class, the ensemble does both.

After arXiv 2512.13905, of which only the abstract is public: the shapes and the training of the heads are ours.
The plain mean of the logits (K teachers, equal weights) is the start of every head and the reference it has to beat.

Scales: teachers differ in how large their logits are, and a logit vector is only defined up to a constant per clip.
The mean stays the plain mean. z1 does not mind the constants (they do not depend on the class), and weighs a loud
teacher down. z2 sees log-probabilities, which know no constants, standardised per teacher, so that a loud teacher
does not drown the others.

Fit the heads on logits for clips that the teachers were not trained on: stacking on seen clips learns wrong weights.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

VIEWS = ("mean", "z1", "z2", "z1+z2")  # the ways to fuse that an ensemble offers
Batch = tuple[Tensor, Tensor, Tensor]  # log-mel (B, 1, F, T), logits (B, K, C), labels (B,)


def mean_logit(logits: Tensor) -> Tensor:
    """The plain ensemble: (B, K, C) -> (B, C), the mean over the teachers."""
    return logits.mean(1)


def best_view(views: Mapping[str, Tensor], labels: Tensor, groups: Sequence[str]) -> str:
    """The view of least log loss on held-out clips, or 'mean' where its gain on the mean is within a standard error.

    views: fused logits (n, C) by name, 'mean' among them. groups: of each clip, its location: clips of one place are alike, so
    the error is that of the mean over places (places weigh equally).
    """
    names = np.unique(np.asarray(groups), return_inverse=True)[1]
    losses = {n: F.cross_entropy(v, labels, reduction="none").double().numpy() for n, v in views.items()}
    by_place = {n: np.bincount(names, x) / np.bincount(names) for n, x in losses.items()}
    best = min(by_place, key=lambda n: float(by_place[n].mean()))
    gain = by_place["mean"] - by_place[best]
    if len(gain) < 2:
        return "mean"
    return best if gain.mean() > gain.std(ddof=1) / len(gain) ** 0.5 else "mean"


def mixture(logits: Tensor, labels: Tensor) -> Tensor:
    """One weight a teacher for all clips: (n, K, C) and labels (n,) -> (K,), positive with sum 1, of least log loss there.

    The weighted mean that z1, whose weights follow the clip, has to beat. Deterministic: L-BFGS from equal weights.
    """
    y, raw = logits.double(), torch.zeros(logits.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([raw], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(torch.einsum("k,nkc->nc", raw.softmax(0), y), labels)
        value.backward()
        return value

    optimizer.step(loss)
    return raw.detach().softmax(0).to(logits.dtype)


class Z1(nn.Module):
    """Per-teacher mixture weights from the log-mel, one set a clip.

    backbone: any module from log-mel (B, 1, F, T) to (B, teachers), e.g. a small student with classes = teachers.
    A linear layer that starts at zero follows it, so the weights start equal; its bias learns at once which teacher is
    good overall, and the backbone's gradient opens with the first step.
    """

    def __init__(self, teachers: int, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(teachers, teachers)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def weights(self, logmel: Tensor) -> Tensor:
        """Log-mel (B, 1, F, T) -> (B, K), positive, each row with sum 1."""
        return F.softmax(self.head(self.backbone(logmel)), dim=1)

    def forward(self, logmel: Tensor, logits: Tensor) -> Tensor:
        """Log-mel and logits (B, K, C) -> (B, C), the sum over k of weight k times logits k."""
        return torch.einsum("bk,bkc->bc", self.weights(logmel), logits)


class Z2(nn.Module):
    """For each class a small MLP of its own over the K teachers' log-probabilities of it, added to the mean logit.

    K -> hidden (GELU) -> 1 per class: classes * (hidden * (teachers + 2) + 1) parameters. The last layer starts at 0.
    """

    def __init__(self, teachers: int, classes: int, hidden: int = 16, dropout: float = 0.1) -> None:
        super().__init__()
        # No affine, and the plain average of all batches: the same standardisation in the end, whatever their order.
        self.standardise = nn.BatchNorm1d(teachers, affine=False, momentum=None)
        self.first = nn.Parameter(torch.randn(classes, teachers, hidden) * teachers**-0.5)
        self.first_bias = nn.Parameter(torch.zeros(classes, hidden))
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Parameter(torch.zeros(classes, hidden))
        self.last_bias = nn.Parameter(torch.zeros(classes))

    def correction(self, logits: Tensor) -> Tensor:
        """(B, K, C) -> (B, C), what is added to the fused logits; zero at the start."""
        x = self.standardise(F.log_softmax(logits, dim=2))
        x = self.dropout(F.gelu(torch.einsum("bkc,ckh->bch", x, self.first) + self.first_bias))
        return torch.einsum("bch,ch->bc", x, self.last) + self.last_bias

    def forward(self, logits: Tensor) -> Tensor:
        """(B, K, C) -> (B, C)."""
        return mean_logit(logits) + self.correction(logits)


class Ensemble(nn.Module):
    """z1 and z2 together: sum over k of w_k(log-mel) * logits_k (z1), plus z2's correction.

    The heads answer different questions (whom to believe for this clip; what the teachers get wrong for this class), so
    their contributions add up, either can be left out, and without any learning the sum is the mean logit.
    """

    def __init__(self, z1: Z1, z2: Z2) -> None:
        super().__init__()
        self.z1, self.z2 = z1, z2

    def views(self, logmel: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """The fused logits (B, C) of every way to fuse: 'mean', 'z1', 'z2', 'z1+z2'; one pass through each head."""
        mean, weighted, correction = mean_logit(logits), self.z1(logmel, logits), self.z2.correction(logits)
        return {"mean": mean, "z1": weighted, "z2": mean + correction, "z1+z2": weighted + correction}

    def forward(self, logmel: Tensor, logits: Tensor) -> Tensor:
        """Log-mel (B, 1, F, T) and logits (B, K, C) -> (B, C), the 'z1+z2' view."""
        return self.z1(logmel, logits) + self.z2.correction(logits)


@dataclass(frozen=True)
class Fit:
    """What a fit did: training loss per epoch, validation per candidate (the start first), epoch kept (0: start)."""

    training: tuple[float, ...]
    validation: tuple[float, ...]
    kept: int


def log_loss(ensemble: Ensemble, batches: Iterable[Batch], view: str = "z1+z2") -> float:
    """Mean cross-entropy (nats per clip) of a view in evaluation mode, e.g. to validate a fit. ValueError: no clips."""
    total, clips = 0.0, 0
    with _evaluating(ensemble):
        for logmel, logits, labels in batches:
            total += float(F.cross_entropy(ensemble.views(logmel, logits)[view], labels, reduction="sum"))
            clips += len(labels)
    if clips == 0:
        raise ValueError("there are no clips to measure the log loss on")
    return total / clips


def fit_fusion(
    ensemble: Ensemble,
    batches: Callable[[int], Iterable[Batch]],
    *,
    epochs: int = 30,
    lr: float = 3e-3,
    weight_decay: float = 1e-2,
    validate: Callable[[Ensemble], float] | None = None,
    patience: int | None = None,
    seed: int = 0,
) -> Fit:
    """Train both heads in place by AdamW on CE(z1) + CE(z2) + CE(z1+z2), so that each view means something alone.

    batches(epoch) gives that epoch's batches (epochs count from 0). validate: lower is better, e.g. the log loss on a
    held-out part; with it the best state is kept, the one at the start included, so by that measure the heads never end
    worse than they began; training stops after `patience` epochs without a better one. Without it the last state is
    kept. Deterministic by seed: torch's global generator is seeded inside and put back. The ensemble is left in
    evaluation mode. ValueError if there is no batch.
    """
    optimizer = torch.optim.AdamW(ensemble.parameters(), lr=lr, weight_decay=weight_decay)
    training: list[float] = []
    validation = [_validated(ensemble, validate)] if validate else []
    best, kept = copy.deepcopy(ensemble.state_dict()), 0
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for epoch in range(epochs):
            training.append(_train_epoch(ensemble, batches(epoch), optimizer))
            if validate is None:
                continue
            validation.append(_validated(ensemble, validate))
            if validation[-1] < validation[kept]:
                best, kept = copy.deepcopy(ensemble.state_dict()), epoch + 1
            elif patience is not None and epoch + 1 - kept >= patience:
                break
    if validate:
        ensemble.load_state_dict(best)
    ensemble.eval()
    return Fit(tuple(training), tuple(validation), kept if validate else len(training))


def _train_epoch(ensemble: Ensemble, batches: Iterable[Batch], optimizer: torch.optim.Optimizer) -> float:
    total, clips = 0.0, 0
    ensemble.train()
    for logmel, logits, labels in batches:
        views = ensemble.views(logmel, logits)
        loss = torch.stack([F.cross_entropy(views[v], labels) for v in ("z1", "z2", "z1+z2")]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(labels)
        clips += len(labels)
    if clips == 0:
        raise ValueError("there are no clips to fit the fusion heads on")
    return total / clips


def _validated(ensemble: Ensemble, validate: Callable[[Ensemble], float]) -> float:
    with _evaluating(ensemble):
        return validate(ensemble)


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, without gradients, for a while."""
    before = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        module.train(before)
