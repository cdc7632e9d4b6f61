"""What a search knows of a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.lines import read_lines
from hwasc.records.schema import STRICT


@dataclass(frozen=True)
class Outcome:
    """What a strategy is told. violation: 0 within every limit and rule. score: 0..1, more is better, or None."""

    violation: float
    score: float | None
    macs: int
    memory: int

    @property
    def reward(self) -> float:
        """One number to maximise: the score, or, beyond the budget, how far (below every score)."""
        return -self.violation if self.score is None else self.score


@dataclass(frozen=True)
class Trial:
    """A scored candidate, one line of `trials.jsonl`. Accuracies are macro, 0..1, on the validation clips; of slices there
    is no float one.

    standard_error: of the int8 accuracy, over clips (binomial). score, score_error: what it is ranked by, see
    `job.Score.value`. seconds: what the score cost. asked: how
    many points the strategy had been asked for by then, infeasible ones and repetitions included.
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
    asked: int
    seed: int
    score: float
    score_error: float
    schema: int = field(default=1)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True)
class Refined:
    """A candidate widened beyond the budget and pruned back to its edge, one line of `refined.jsonl`.

    number, origin: the trial that it came from and that one's id; before, before_score: of that one, trained as many epochs
    from the same start. max_cost_ratio: how many times the wide net passed its binding limit; epochs: of its whole training.
    The rest as in `Trial`.
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


def read_refined(path: Path) -> list[Refined]:
    """The refined nets of a `refined.jsonl`, in its order; none where there is no such file."""
    return [schema.parse(Refined, r, f"{path}: line {n}") for n, r in enumerate(read_lines(path), 1)]


def pareto(trials: list[Trial]) -> list[Trial]:
    """The trials that no other one beats in score, MACs and activation memory at once, by falling score."""

    def beats(a: Trial, b: Trial) -> bool:
        at_least = a.score >= b.score and a.macs <= b.macs and a.memory <= b.memory
        return at_least and (a.score, a.macs, a.memory) != (b.score, b.macs, b.memory)

    return by_score([t for t in trials if not any(beats(o, t) for o in trials)])


def by_score(trials: Sequence[Trial]) -> list[Trial]:
    """By falling score; among equals the cheaper one first."""
    return sorted(trials, key=lambda t: (-t.score, t.macs, t.memory, t.number))


def best(trials: Sequence[Trial]) -> Trial:
    """The trial of the highest score; among equals the cheaper one."""
    return by_score(trials)[0]


def best_refined(refined: Sequence[Refined], best: Trial) -> Refined | None:
    """The refined net of the highest score, where no candidate has as much, the best trial's second score included; among
    equals the cheaper one.
    """
    ranked = sorted(refined, key=lambda r: (-r.score, r.macs, r.memory, r.number))
    return ranked[0] if ranked and ranked[0].score > max(best.score, *(r.before_score for r in refined)) else None
