"""Which of the scored candidates becomes the winner: the best score, a cheaper one that is as good, or one that is named.

Where second scores are over folds, candidates as good as the best are those whose difference from it is within the standard error
of this difference over locations, and over seeds where they were trained with several. Otherwise they are those whose score is
within the standard error of the best score (the one-standard-error rule of Breiman et al., 1984).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from hwasc.errors import UsageError
from hwasc.nas import location_scores
from hwasc.nas.location_scores import LocationScore, Optimism
from hwasc.nas.seed_scores import loss_error_of_seeds
from hwasc.nas.trial import Refined, Trial, best, best_refined

Preference: TypeAlias = Literal["accuracy", "memory", "macs", "parameters"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How the winner is chosen.

    Attributes:
        prefer: `accuracy` takes the highest score. A cost takes the candidate of the lowest cost among those that are as good.
            None: the highest score; where scores are over folds and nothing was refined, the fewest MACs among those that are as
            good.
        pick: Number of the trial that wins whatever its score; None: `prefer` decides.
    """

    prefer: Preference | None = None
    pick: int | None = None


BY_SCORE = Choice()


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The winner.

    Attributes:
        trial: Its trial, with the second score where there is one.
        refined: The refined net that it is; None: the trial's own.
        proxy: What the score is from: `distillation` for second scores; None: the search's proxy.
        how: `accuracy`, another preference, or `pick`.
    """

    trial: Trial
    refined: Refined | None
    proxy: str | None
    how: str


def choose(choice: Choice, *, trials: Sequence[Trial], rescored: Sequence[Trial], refined: Sequence[Refined]) -> Chosen:
    """Choose the winner of a search.

    Refined nets use the whole budget, so they are considered only where accuracy is preferred.

    Args:
        choice: How.
        trials: All candidates with their first scores.
        rescored: Those that have a second score, with that. Where there are any, one of them wins unless another is named.
        refined: The refined nets.

    Returns:
        The winner.

    Raises:
        UsageError: There is no trial of the number that is named.
    """
    second = {t.number: t for t in rescored}
    by_number = {**{t.number: t for t in trials}, **second}
    if choice.pick is not None:
        if choice.pick not in by_number:
            raise UsageError(f"there is no trial {choice.pick}; this search has the trials 0 to {max(by_number)}")
        winner, how = by_number[choice.pick], "pick"
    else:
        over_folds = bool(rescored) and all(t.locations for t in rescored)
        how = choice.prefer or ("macs" if over_folds and not refined else "accuracy")
        winner = preferred(rescored or trials, how)
    return Chosen(
        trial=winner,
        refined=best_refined(refined, winner) if choice.pick is None and choice.prefer in (None, "accuracy") else None,
        proxy="distillation" if winner.number in second else None,
        how=how,
    )


def preferred(trials: Sequence[Trial], prefer: str) -> Trial:
    """The trial that a preference chooses.

    Args:
        trials: With scores that can be compared.
        prefer: `accuracy`, or a cost.

    Returns:
        The trial.
    """
    top = best(trials)
    if prefer == "accuracy":
        return top
    if all(t.locations for t in trials):
        equal = [trials[i] for i in as_good(trials)]
    else:
        equal = [t for t in trials if t.score >= top.score - top.score_error]
    return min(equal, key=lambda t: (getattr(t, prefer), -t.score, t.number))


def as_good(trials: Sequence[Trial]) -> list[int]:
    """The trials that are as good as the best one.

    Args:
        trials: With scores over folds.

    Returns:
        Their indices, see `location_scores.as_good`.
    """
    return location_scores.as_good([t.locations or () for t in trials], [loss_error_of_seeds(t) for t in trials])


def optimism(rescored: Sequence[Trial], prefer: str) -> Optimism | None:
    """Estimate how much of the winner's accuracy is due to the choice among finalists, see `location_scores.optimism`.

    Args:
        rescored: The finalists.
        prefer: How one is chosen.

    Returns:
        The estimate; None where their scores are not over folds.
    """
    scores = [t.locations for t in rescored if t.locations is not None]
    if not scores or len(scores) < len(rescored):
        return None

    def choose_again(parts: list[list[LocationScore]]) -> int:
        trials = [
            replace(t, locations=tuple(part), score=math.exp(-location_scores.loss(part)))
            for t, part in zip(rescored, parts, strict=True)
        ]
        return trials.index(preferred(trials, prefer))

    return location_scores.optimism(scores, choose_again)
