"""The records of scored candidates, and which of them are best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from hwasc.nas.location_scores import LocationScore
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.lines import read_lines
from hwasc.records.schema import STRICT

# in the run folder
TRIALS, SECOND, REFINED, BEST = "trials.jsonl", "rescored.jsonl", "refined.jsonl", "best.json"


@dataclass(frozen=True)
class Outcome:
    """What became of a proposed point, for the strategy that proposed it.

    Attributes:
        violation: How far the point exceeds limits and rules; 0 where it keeps all of them.
        score: 0..1, higher is better; None where the point was not scored.
        macs: MACs of a clip, by the torchinfo rule.
        memory: RAM, bytes, see `cost.Costs.memory`; as counted for the search, see `ResolvedBudget.count`.
    """

    violation: float
    score: float | None
    macs: int
    memory: int

    @property
    def reward(self) -> float:
        """One number to maximise: the score, or minus the violation, which is below every score."""
        return -self.violation if self.score is None else self.score


@dataclass(frozen=True, kw_only=True)
class SeedScore:
    """One of several trainings of a candidate.

    Attributes:
        seed: Of its weights and batches.
        accuracy: Of its int8 net, macro, 0..1.
        score: See `job.Score`.
    """

    seed: int
    accuracy: float
    score: float


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A scored candidate, one line of `trials.jsonl`.

    Attributes:
        number: Of the trial, from 0.
        id: The architecture's.
        point: The point of the space, choice by choice.
        accuracy: Of the measured net on validation clips, macro, 0..1.
        float_accuracy: Of the float net, likewise; None for int8 slices of a supernet.
        standard_error: Of `accuracy` over clips, binomial.
        parameters: Learned numbers.
        macs: MACs of a clip, by the torchinfo rule.
        memory: RAM, bytes, see `cost.Costs.memory`; as counted for the search, see `ResolvedBudget.count`.
        weights: Weights of the int8 net, bytes.
        seconds: Time that the score took, s.
        proposed: Points proposed in the search by then, infeasible ones and repetitions included.
        seed: The study's.
        score: What candidates are ranked by, see `job.Score`.
        score_error: Standard error of `score` over clips.
        locations: Of a second score over folds: the score by location. `standard_error` and `score_error` are over locations
            then. None: the score is over validation clips.
        quantized: Whether the net that was measured is the int8 one, or the float one.
        by_seed: Of a second score over several trainings: each of them. `accuracy`, `float_accuracy`, `score` and `locations` are
            means over them, and both errors contain how they differ. None: there was one training.
        schema: Version of the format.
    """

    number: int
    id: str
    point: dict[str, Any]
    accuracy: float
    float_accuracy: float | None
    standard_error: float
    parameters: int
    macs: int
    memory: int
    weights: int
    seconds: float
    proposed: int
    seed: int
    score: float
    score_error: float
    locations: tuple[LocationScore, ...] | None = None
    quantized: bool = True
    by_seed: tuple[SeedScore, ...] | None = None
    schema: int = field(default=1)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def json_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Its JSON, without `locations` and `by_seed` where there are none, nor `quantized` where it is; see `schema.plain`."""
        left_out = [name for name in ("locations", "by_seed") if not values[name]] + ["quantized"] * self.quantized
        return {k: v for k, v in values.items() if k not in left_out}


@dataclass(frozen=True, kw_only=True)
class Refined:
    """A candidate that was widened past the budget and pruned until it met the budget again, one line of `refined.jsonl`.

    Attributes:
        number: The trial that it comes from.
        origin: That trial's architecture id.
        before: int8 accuracy of that trial's architecture, trained as many epochs from the same initial weights, 0..1.
        id: The pruned architecture's.
        architecture: The pruned architecture.
        accuracy: Of the pruned int8 net on validation clips, macro, 0..1.
        float_accuracy: Of the pruned float net, likewise.
        standard_error: Of `accuracy` over clips, binomial.
        parameters: Learned numbers.
        macs: MACs of a clip, by the torchinfo rule.
        memory: RAM, bytes, see `cost.Costs.memory`; as counted for the search, see `ResolvedBudget.count`.
        weights: Weights of the int8 net, bytes.
        max_cost_ratio: Cost of the wide net over the limit, for the limit that it exceeds most.
        epochs: Of the whole training.
        seconds: Time that pruning and the comparison took, s.
        seed: Of weights and batches.
        score: What candidates are ranked by, see `job.Score`.
        score_error: Standard error of `score` over clips.
        before_score: Score of the trial's architecture, see `before`.
        schema: Version of the format.
    """

    number: int
    origin: str
    before: float
    id: str
    architecture: Architecture
    accuracy: float
    float_accuracy: float
    standard_error: float
    parameters: int
    macs: int
    memory: int
    weights: int
    max_cost_ratio: float
    epochs: int
    seconds: float
    seed: int
    score: float
    score_error: float
    before_score: float
    schema: int = field(default=1)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


def read_trials(path: Path) -> dict[int, Trial]:
    """Read a journal of trials: `trials.jsonl`, `rescored.jsonl`.

    Args:
        path: The file; a last line that a crash cut short is dropped.

    Returns:
        Its trials by number, none where there is no such file.
    """
    trials = (schema.parse(Trial, r, f"{path}: line {n}") for n, r in enumerate(read_lines(path), 1))
    return {trial.number: trial for trial in trials}


def read_refined(path: Path) -> list[Refined]:
    """Read a `refined.jsonl`: its nets in the file's order, none where there is no such file."""
    return [schema.parse(Refined, r, f"{path}: line {n}") for n, r in enumerate(read_lines(path), 1)]


def accuracy_name(trial: Trial) -> str:
    """What a trial's accuracy is called in an architecture file."""
    return "int8_accuracy" if trial.quantized else "float_accuracy"


class Scored(Protocol):
    """What has a score and costs."""

    @property
    def score(self) -> float | None:
        """Higher is better; None: it was not scored."""

    @property
    def macs(self) -> int:
        """MACs of a clip."""

    @property
    def memory(self) -> int:
        """Bytes."""


T = TypeVar("T", bound=Scored)


def pareto(trials: list[Trial]) -> list[Trial]:
    """The Pareto front: trials that no other trial dominates in score, MACs and activation memory, by falling score."""
    return not_dominated(by_score(trials))


def not_dominated(ranked: Sequence[T]) -> list[T]:
    """Keep what nothing else dominates: is at least as good in score, MACs and memory, and better in one of them.

    Args:
        ranked: By falling score; of equal scores the one of fewer MACs first, then the one of less memory. All have scores.

    Returns:
        The rest, in the same order.
    """
    front: list[T] = []
    for one in ranked:  # what dominates one comes before it here, and so does a member of the front that does
        if not any(_dominates(other, one) for other in front):
            front.append(one)
    return front


def _dominates(a: Scored, b: Scored) -> bool:
    assert a.score is not None and b.score is not None
    at_least = a.score >= b.score and a.macs <= b.macs and a.memory <= b.memory
    return at_least and (a.score, a.macs, a.memory) != (b.score, b.macs, b.memory)


def by_score(trials: Sequence[Trial]) -> list[Trial]:
    """Trials by falling score; of equal scores the cheaper one first."""
    return sorted(trials, key=lambda t: (-t.score, t.macs, t.memory, t.number))


def best(trials: Sequence[Trial]) -> Trial:
    """The trial of the highest score; of equal scores the cheaper one."""
    return by_score(trials)[0]


def best_refined(refined: Sequence[Refined], best: Trial) -> Refined | None:
    """The best refined net, where it is better than every candidate that was not refined.

    Refined nets are scored on validation clips. A trial whose score is over folds has no such score to compare with. Then only
    the net that was made from this trial is considered, and compared with the trial's own net after the same training.

    Args:
        refined: All refined nets, and with them the scores of the trials that they come from.
        best: The best trial.

    Returns:
        The refined net of the highest score (of equal scores the cheaper one), or None where a trial scores as high.
    """
    if best.locations is not None:
        return next((r for r in refined if r.number == best.number and r.score > r.before_score), None)
    ranked = sorted(refined, key=lambda r: (-r.score, r.macs, r.memory, r.number))
    return ranked[0] if ranked and ranked[0].score > max(best.score, *(r.before_score for r in refined)) else None
