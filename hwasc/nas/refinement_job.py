"""The third stage of a search: a candidate is widened past the budget, trained, and pruned until it meets the budget again.

The search space is a grid. Pruning also reaches widths between its points, and chooses each width by the loss of this net. The
net is distilled between the pruning steps so that it can recover (Molchanov et al., 2017), `search.refine_train` epochs in all.
The candidate itself is trained for as many epochs, for comparison.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from hwasc.cost.limits import ResolvedBudget
from hwasc.cost.measure import Costs
from hwasc.models import student
from hwasc.models.student import Student
from hwasc.models.widening import widen_student
from hwasc.nas.channel_removal import channels_to_remove, widen
from hwasc.nas.job import Candidate, Score, measured_score
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

STEPS = 6  # prunings at most
BATCHES = 16  # training batches that the importance of channels is estimated on


@dataclass(frozen=True, kw_only=True)
class RefinementJob:
    """A job for any process: refine one candidate.

    Attributes:
        candidate: The candidate; its `train_settings` give the epochs in all.
        trial: Its trial.
        budget: The limits that the pruned net meets.
        start_ratio: Cost of the wide net over the limit at least, for the limit that it exceeds most; above 1.
        weights: The file that the pruned float weights are written to.
        about: What the file says of its training clips.
    """

    candidate: Candidate
    trial: Trial
    budget: ResolvedBudget
    start_ratio: float
    weights: Path
    about: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PrunedStudent:
    """A pruned student.

    Attributes:
        architecture: Its architecture.
        costs: What it costs.
        score: Its score on validation clips.
        max_cost_ratio: Cost of the wide net over the limit, for the limit that it exceeds most.
    """

    architecture: Architecture
    costs: Costs
    score: Score
    max_cost_ratio: float


@dataclass(frozen=True)
class Schedule:
    """How the epochs of a refinement are divided; between two prunings there is one.

    Attributes:
        first: Epochs before the first pruning.
        steps: Prunings.
        last: Epochs after the last pruning.
    """

    first: int
    steps: int
    last: int

    @property
    def epochs(self) -> int:
        """Epochs in all."""
        return self.first + self.steps - 1 + self.last


def schedule(epochs: int) -> Schedule:
    """Divide a training of so many epochs: at least one before and one after pruning, and fewer prunings where it is short."""
    steps = min(STEPS, max(epochs // 4, 1))
    first = max((epochs - steps + 1) // 2, 1)
    return Schedule(first, steps, max(epochs - steps + 1 - first, 1))


def run_job(job: RefinementJob | Candidate) -> PrunedStudent | Score:
    """Run one of the two jobs of a refinement, which may run at the same time.

    Args:
        job: A `RefinementJob` prunes; a `Candidate` is trained as it is, for comparison.

    Returns:
        The pruned student, or the candidate's score.
    """
    return prune(job) if isinstance(job, RefinementJob) else distillation.score(job)


def prune(job: RefinementJob) -> PrunedStudent:
    """Widen a candidate, distil, prune in steps of equal ratio with distillation between them, and score it as int8.

    Deterministic by the candidate's seed.

    Args:
        job: The job. Where its candidate names a supernet, the candidate's slice of it is widened.

    Returns:
        The pruned student; its float weights are in `job.weights`.
    """
    start, c, device = time.monotonic(), job.candidate, pick_device(job.candidate.device)
    budget, plan = job.budget, schedule(c.train_settings.epochs)
    wide = widen(c.proposal.architecture, budget, times=job.start_ratio)
    ratio = budget.max_cost_ratio(budget.count(wide))
    torch.manual_seed(c.seed)
    first = student.build(wide) if c.supernet is None else widen_student(slice_student(c), wide)
    net = _distil(first, c, epochs=plan.first, step=0, device=device)
    for step in range(1, plan.steps + 1):
        aims = {name: limit * ratio ** (1 - step / plan.steps) for name, limit in budget.limits.items()}
        scores = pruning.importance(net, _losses(net, c, step, device))
        pruning.remove(net, channels_to_remove(net.architecture, scores, budget, aims))
        net = _distil(net, c, epochs=1 if step < plan.steps else plan.last, step=step, device=device)
    a = net.architecture
    save_weights(job.weights, net, {"architecture": schema.canonical(a), "numbers": "float", **job.about})
    score = measured_score(net, c, device, start)
    return PrunedStudent(architecture=a, costs=budget.count(a), score=score, max_cost_ratio=ratio)


def refined(job: RefinementJob, pruned: PrunedStudent, before: Score) -> Refined:
    """Make the journal's record of a refinement.

    Args:
        job: The job.
        pruned: The pruned student.
        before: Score of the candidate as it is, trained as long.

    Returns:
        The record.
    """
    a, costs, score = pruned.architecture, pruned.costs, pruned.score
    assert before.accuracy is not None and score.value_error is not None
    assert score.accuracy is not None and score.float_accuracy is not None and score.standard_error is not None
    return Refined(
        number=job.trial.number,
        origin=job.trial.id,
        before=before.accuracy,
        id=a.id,
        architecture=a,
        accuracy=score.accuracy,
        float_accuracy=score.float_accuracy,
        standard_error=score.standard_error,
        parameters=costs.parameters,
        macs=costs.macs.torchinfo,
        memory=costs.memory,
        weights=costs.int8_memory.weights,
        max_cost_ratio=round(pruned.max_cost_ratio, 3),
        epochs=schedule(job.candidate.train_settings.epochs).epochs,
        seconds=round(score.seconds + before.seconds, 2),
        seed=job.candidate.seed,
        score=score.value,
        score_error=score.value_error,
        before_score=before.value,
    )


def _distil(net: Student, c: Candidate, *, epochs: int, step: int, device: torch.device) -> Student:
    settings = replace(c.train_settings, epochs=epochs)
    return train_student(net, c.data, settings, device=device, seed=c.seed + 1_000 * step)


def _losses(net: Student, c: Candidate, step: int, device: torch.device) -> Iterator[Tensor]:
    """Distillation losses of training batches, augmented as in training."""
    batches = c.data.batches(c.train_settings.batch, c.seed, 1_000_000 + step)
    for batch in itertools.islice(batches, BATCHES):
        yield batch_loss(net, batch, c.data.loss, device)
