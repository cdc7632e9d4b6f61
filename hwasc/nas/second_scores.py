"""The second stage of a search: its best few are scored again by a longer distillation before one is chosen.

A short training favours candidates that learn fast, small ones as a rule; and the best of many noisy scores is in part luck.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from hwasc.errors import UsageError
from hwasc.nas.job import Proposal
from hwasc.nas.study import Evaluate, Journal
from hwasc.nas.trial import Trial


def varied(ranked: Sequence[Trial], count: int) -> list[Trial]:
    """The first `count` trials, at most a third of them (rounded up) of one log-mel size as long as there are others; in order.

    A first score compares nets that hear the same better than nets that do not: those of many frames learn slowest.
    """
    share, seen, by_turn = -(-count // 3), Counter[tuple[Any, Any]](), []
    for i, t in enumerate(ranked):
        heard = (t.point["mels"], t.point["frames"])
        by_turn.append((seen[heard] >= share, i))
        seen[heard] += 1
    return [ranked[i] for i in sorted(i for _, i in sorted(by_turn)[:count])]


def rescore(
    chosen: Sequence[Trial],
    journal: Journal,
    *,
    proposal: Callable[[Trial], Proposal],
    evaluate: Evaluate,
    on_trial: Callable[[Trial], None],
) -> list[Trial]:
    """Score the chosen trials a second time; those that the journal holds are not scored again.

    Args:
        chosen: Trials with their first scores.
        journal: Of the second scores.
        proposal: The candidate of a trial.
        evaluate: Scores candidates.
        on_trial: Called for each trial that was scored now.

    Returns:
        The trials with their new scores, in the order of `chosen`.

    Raises:
        UsageError: The journal is of other candidates.
    """
    for t in chosen:
        if t.number in journal.trials and journal.trials[t.number].id != t.id:
            raise UsageError(
                f"{journal.path}: trial {t.number} is another candidate than in this search; delete the file to score anew"
            )
    missing = [t for t in chosen if t.number not in journal.trials]
    missing.sort(key=lambda t: -t.macs)  # the longest trainings first, so that no process ends long after the others
    for i, score in evaluate([proposal(t) for t in missing]):
        assert score.accuracy is not None and score.standard_error is not None and score.value_error is not None
        again = replace(
            missing[i],
            accuracy=score.accuracy,
            score=score.value,
            score_error=score.value_error,
            float_accuracy=score.float_accuracy,
            standard_error=score.standard_error,
            seconds=round(score.seconds, 2),
        )
        journal.append(again)
        on_trial(again)
    return [journal.trials[t.number] for t in chosen]
