"""The second stage of a search: the best candidates are scored again by a longer distillation before one is chosen.

A short training favours candidates that learn fast, which are usually the small ones. The highest of many noisy scores is
also high in part by chance.
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


def diverse(ranked: Sequence[Trial], count: int) -> list[Trial]:
    """Choose the first trials of a ranking, with at most a third of them (rounded up) of one log-mel size.

    First scores compare nets of one log-mel size better than nets of different sizes: nets with many frames learn slowest.

    Args:
        ranked: Trials, the most promising first.
        count: Trials to choose.

    Returns:
        The chosen trials in the order of `ranked`. Where too few trials have other sizes, more than a third have one size.
    """
    share, seen, by_size = -(-count // 3), Counter[tuple[Any, Any]](), []
    for i, t in enumerate(ranked):
        size = (t.point["mels"], t.point["frames"])
        by_size.append((seen[size] >= share, i))
        seen[size] += 1
    return [ranked[i] for i in sorted(i for _, i in sorted(by_size)[:count])]


def rescore(
    chosen: Sequence[Trial],
    journal: Journal,
    *,
    proposal: Callable[[Trial], Proposal],
    evaluate: Evaluate,
    on_trial: Callable[[Trial], None],
) -> list[Trial]:
    """Score the chosen trials a second time. Trials in the journal are not scored again.

    Args:
        chosen: Trials with their first scores.
        journal: Journal of the second scores.
        proposal: Makes the candidate of a trial.
        evaluate: Scores candidates.
        on_trial: Called for each trial that was scored now.

    Returns:
        The trials with their new scores, in the order of `chosen`.

    Raises:
        UsageError: The journal holds other candidates.
    """
    for t in chosen:
        if t.number in journal.trials and journal.trials[t.number].id != t.id:
            raise UsageError(
                f"{journal.path}: trial {t.number} is another candidate than in this search; delete the file to score again"
            )
    missing = [t for t in chosen if t.number not in journal.trials]
    missing.sort(key=lambda t: -t.macs)  # the longest trainings first, so that no process ends long after the others
    for i, score in evaluate([proposal(t) for t in missing]):
        assert score.accuracy is not None and score.standard_error is not None and score.value_error is not None
        rescored = replace(
            missing[i],
            accuracy=score.accuracy,
            score=score.value,
            score_error=score.value_error,
            float_accuracy=score.float_accuracy,
            standard_error=score.standard_error,
            seconds=round(score.seconds, 2),
            locations=score.locations,
            quantized=score.quantized,
        )
        journal.append(rescored)
        on_trial(rescored)
    return [journal.trials[t.number] for t in chosen]
