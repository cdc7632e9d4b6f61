"""The third stage of a search: a candidate, widened beyond the budget and trained, is pruned back to the budget's edge.

The search space is a grid; pruning ends between its points, each width where this net's own loss wants it. A distillation in
small parts, as long as `search.refine_train` in all, lets the net recover after each step (Molchanov et al., 2017). The candidate
itself is trained as long, for comparison.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from hwasc.cost.limits import ResolvedBudget
from hwasc.cost.measure import Costs
from hwasc.models import student
from hwasc.models.student import Student
from hwasc.models.widening import grow
from hwasc.nas.channel_removal import channels_to_remove, widen
from hwasc.nas.job import Candidate, Score, int8_score
from hwasc.nas.proxies import distillation
from hwasc.nas.proxies.supernet import slice_student
from hwasc.nas.trial import Refined, Trial
from hwasc.parallel.device import pick_device
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.training import pruning
from hwasc.training.distillation import train_student
from hwasc.training.loop import batch_loss
from hwasc.training.weights import save_weights

STEPS = 6
BATCHES = 16  # that importance is taken over


@dataclass(frozen=True)
class Refinement:
    """A job for any process: refine one candidate. trial: where it comes from.

    candidate.train_settings: how long in all; start: times the binding limit that the wide net passes it; weights: where the
    pruned float student's are written.
    """

    candidate: Candidate
    trial: Trial
    budget: ResolvedBudget
    start: float
    weights: Path


@dataclass(frozen=True)
class Pruned:
    """What pruning leaves, and its score. passed: how many times the wide net passed its binding limit."""

    architecture: Architecture
    costs: Costs
    score: Score
    passed: float


@dataclass(frozen=True)
class Schedule:
    """Epochs before the first of `steps` prunings, one after each but the last, and after that."""

    first: int
    steps: int
    last: int

    @property
    def epochs(self) -> int:
        """All of them."""
        return self.first + self.steps - 1 + self.last


def schedule(epochs: int) -> Schedule:
    """How a training of so many epochs is divided, at least one before and one after: fewer steps where it is short."""
    steps = min(STEPS, max(epochs // 4, 1))
    first = max((epochs - steps + 1) // 2, 1)
    return Schedule(first, steps, max(epochs - steps + 1 - first, 1))


def half(job: Refinement | Candidate) -> Pruned | Score:
    """One of the two jobs that a refinement is made of: the pruned net, or the candidate itself, trained as long. Neither needs
    the other, so they may run side by side.
    """
    return prune(job) if isinstance(job, Refinement) else distillation.score(job)


def prune(job: Refinement) -> Pruned:
    """Widen (the candidate's slice, where its job names a supernet), distil, prune in steps of equal ratio, distil; then int8
    on the validation clips. Deterministic by the seed.
    """
    start, c, device = time.monotonic(), job.candidate, pick_device(job.candidate.device)
    budget, plan = job.budget, schedule(c.train_settings.epochs)
    wide = widen(c.proposal.architecture, budget, times=job.start)
    passed = budget.max_cost_ratio(budget.count(wide))
    torch.manual_seed(c.seed)
    first = student.build(wide) if c.supernet is None else grow(slice_student(c), wide)
    net = _distilled(first, c, plan.first, 0, device)
    for step in range(1, plan.steps + 1):
        aims = {name: limit * passed ** (1 - step / plan.steps) for name, limit in budget.limits.items()}
        scores = pruning.importance(net, _losses(net, c, step, device))
        pruning.remove(net, channels_to_remove(net.architecture, scores, budget, aims))
        net = _distilled(net, c, 1 if step < plan.steps else plan.last, step, device)
    a = net.architecture
    save_weights(job.weights, net, {"architecture": schema.canonical(a), "numbers": "float"})
    return Pruned(a, budget.count(a), int8_score(net, c, device, start), passed)


def refined(job: Refinement, pruned: Pruned, before: Score) -> Refined:
    """The journal's line of the two halves."""
    a, costs, score = pruned.architecture, pruned.costs, pruned.score
    assert before.accuracy is not None and score.value_error is not None
    assert score.accuracy is not None and score.float_accuracy is not None and score.standard_error is not None
    return Refined(
        job.trial.number,
        job.trial.id,
        before.accuracy,
        a.id,
        a,
        score.accuracy,
        score.float_accuracy,
        score.standard_error,
        costs.parameters,
        costs.macs.torchinfo,
        costs.int8_memory.activations,
        costs.int8_memory.weights,
        round(pruned.passed, 3),
        schedule(job.candidate.train_settings.epochs).epochs,
        round(score.seconds + before.seconds, 2),
        job.candidate.seed,
        score=score.value,
        score_error=score.value_error,
        before_score=before.value,
    )


def _distilled(net: Student, c: Candidate, epochs: int, part: int, device: torch.device) -> Student:
    return train_student(
        net, c.data, replace(c.train_settings, epochs=epochs), device=device, seed=c.seed + 1_000 * part
    )


def _losses(net: Student, c: Candidate, part: int, device: torch.device) -> Iterator[Tensor]:
    """Distillation losses of training batches, augmented as in training."""
    batches = c.data.batches(c.train_settings.batch, c.seed, 1_000_000 + part)
    for batch in itertools.islice(batches, BATCHES):
        yield batch_loss(net, batch, c.data.loss, device)
