"""Which of the scored candidates becomes the winner: the best score, a cheaper one that is as good, or one that is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hwasc.errors import UsageError
from hwasc.nas.trial import Refined, Trial, best, best_refined

Preference: TypeAlias = Literal["accuracy", "memory", "macs", "parameters"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How the winner is chosen.

    Attributes:
        prefer: `accuracy` takes the highest score. A cost takes the candidate of the lowest cost among those whose score is
            within one standard error of the highest (the one-standard-error rule of Breiman et al., 1984).
        pick: Number of the trial that wins whatever its score; None: `prefer` decides.
    """

    prefer: Preference = "accuracy"
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
        winner, how = _preferred(rescored or trials, choice.prefer), choice.prefer
    return Chosen(
        trial=winner,
        refined=best_refined(refined, winner) if how == "accuracy" else None,
        proxy="distillation" if winner.number in second else None,
        how=how,
    )


def _preferred(trials: Sequence[Trial], prefer: Preference) -> Trial:
    top = best(trials)
    if prefer == "accuracy":
        return top
    as_good = [t for t in trials if t.score >= top.score - top.score_error]
    return min(as_good, key=lambda t: (getattr(t, prefer), -t.score, t.number))
