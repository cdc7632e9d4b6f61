"""What a search knows of a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hwasc.records.architecture import Architecture
from hwasc.records.schema import STRICT


@dataclass(frozen=True)
class Outcome:
    """What a strategy is told. violation: 0 within every limit and rule. accuracy: None where the candidate was not trained."""

    violation: float
    accuracy: float | None
    macs: int
    memory: int

    @property
    def reward(self) -> float:
        """One number to maximise: the accuracy, or, beyond the budget, how far (below every accuracy)."""
        return -self.violation if self.accuracy is None else self.accuracy


@dataclass(frozen=True)
class Trial:
    """A scored candidate, one line of `trials.jsonl`. Accuracies are macro, 0..1, on the validation clips.

    standard_error: of the int8 accuracy, over clips (binomial). seconds: what the score cost. asked: how many points the
    strategy had been asked for by then, infeasible ones and repetitions included.
    """

    number: int
    id: str
    point: dict[str, Any]
    accuracy: float
    float_accuracy: float
    standard_error: float
    parameters: int
    macs: int
    memory: int
    weights: int
    seconds: float
    asked: int
    seed: int
    schema: int = field(default=1)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True)
class Refined:
    """A candidate widened beyond the budget and pruned back to its edge, one line of `refined.jsonl`.

    number, origin: the trial that it came from and that one's id; before: its second score. beyond: how many times the start
    net passed its binding limit; epochs: of its whole training. The rest as in `Trial`.
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
    beyond: float
    epochs: int
    seconds: float
    seed: int
    schema: int = field(default=1)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


def pareto(trials: list[Trial]) -> list[Trial]:
    """The trials that no other one beats in accuracy, MACs and activation memory at once, by falling accuracy."""

    def beats(a: Trial, b: Trial) -> bool:
        at_least = a.accuracy >= b.accuracy and a.macs <= b.macs and a.memory <= b.memory
        return at_least and (a.accuracy, a.macs, a.memory) != (b.accuracy, b.macs, b.memory)

    return by_accuracy([t for t in trials if not any(beats(o, t) for o in trials)])


def by_accuracy(trials: Sequence[Trial]) -> list[Trial]:
    """By falling accuracy; among equals the cheaper one first."""
    return sorted(trials, key=lambda t: (-t.accuracy, t.macs, t.memory, t.number))


def best(trials: Sequence[Trial]) -> Trial:
    """The most accurate trial; among equals the cheaper one."""
    return by_accuracy(trials)[0]


def crowned(refined: Sequence[Refined], best: Trial) -> Refined | None:
    """The most accurate refined net, where it is more accurate than the best trial; among equals the cheaper one."""
    ranked = sorted(refined, key=lambda r: (-r.accuracy, r.macs, r.memory, r.number))
    return ranked[0] if ranked and ranked[0].accuracy > best.accuracy else None
