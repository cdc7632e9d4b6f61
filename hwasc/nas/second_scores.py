"""The second stage of a search: the best candidates are scored again by a longer distillation before one is chosen.

A short training favours candidates that learn fast, which are usually the small ones. The highest of many noisy scores is
also high in part by chance. With several rungs, more candidates are trained and the worse half is given up after each (successive
halving, Jamieson and Talwalkar, 2016, each rung trained anew: the learning rate falls to the end of its own epochs). In the last
rung each candidate can be trained with several seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hwasc.ensemble.fusion import FittedEnsemble
from hwasc.nas import work
from hwasc.nas.diversity import diverse
from hwasc.nas.engines import Engine
from hwasc.nas.fold_scoring import by_folds, fold_evaluator
from hwasc.nas.job import Proposal
from hwasc.nas.problem import Problem
from hwasc.nas.scoring import Scoring, evaluator
from hwasc.nas.seed_journals import SeedJournals
from hwasc.nas.study import Evaluate
from hwasc.nas.tracked import log_trial
from hwasc.nas.trial import SECOND, Trial, best, by_score
from hwasc.workspace import Workspace


def second_scores(
    ws: Workspace,
    problem: Problem,
    scoring: Scoring,
    fused: FittedEnsemble,
    *,
    engine: Engine,
    ranked: Sequence[Trial],
    run: Path,
) -> list[Trial]:
    """Choose the finalists of a search and score them by longer distillations, in the rungs that the settings ask for.

    Args:
        ws: Data, settings, cache, device.
        problem: The space and the budget.
        scoring: How first scores were made; names the targets and the supernet.
        fused: The ensemble.
        engine: Where candidates are scored.
        ranked: Trials, the most promising first.
        run: The run folder, which holds a journal for each rung.

    Returns:
        The finalists with the scores of the last rung, the most promising first.
    """
    s = ws.settings.search
    if not s.rescore:
        return []
    over_folds = by_folds(ws)
    scoring = replace(
        scoring, proxy="distillation", qat=None, supernet=scoring.supernet if s.rescore_from == "slice" else None
    )
    training = s.second(over_folds=over_folds)

    def scored(chosen: Sequence[Trial], halvings: int) -> list[Trial]:
        """The chosen trials' scores in the rung that so many halvings come after."""
        train = replace(training, epochs=max(training.epochs // 2**halvings, 1))
        at_rung = replace(scoring, train=train)
        evaluate = fold_evaluator(ws, at_rung, engine, fused) if over_folds else evaluator(ws, at_rung, engine)
        trainings = 1 if halvings else s.rescore_seeds
        journals = SeedJournals(run, rung_file(halvings), trainings=trainings)
        name = f"rung {s.rungs - halvings} of {s.rungs}" if s.rungs > 1 else "second scores"
        total, left = len(chosen) * trainings, len(journals.missing(chosen))
        with ws.reporter.track(name, total, done=total - left) as update:

            def on_training(trial: Trial | None) -> None:
                finished = journals.finished(chosen)
                update(total - len(journals.missing(chosen)), f"best {best(finished).accuracy:.1%}" if finished else "")
                if trial and not halvings:
                    log_trial(ws.tracker, "second", trial, best(finished))

            return rescore(
                chosen,
                journals,
                proposal=lambda t: problem.proposal(t.point),
                evaluate=evaluate,
                on_training=on_training,
            )

    with ws.reporter.stage(work.SECOND):
        chosen = diverse(ranked, s.rescore * 2 ** (s.rungs - 1))
        for halvings in range(s.rungs - 1, 0, -1):
            better = {t.number for t in by_score(scored(chosen, halvings))[: s.rescore * 2 ** (halvings - 1)]}
            chosen = [t for t in chosen if t.number in better]
        return scored(chosen, 0)


def rung_file(halvings: int) -> str:
    """Name of the journal of the rung that so many halvings come after.

    Args:
        halvings: 0 for the last rung.

    Returns:
        The name of a file in the run folder.
    """
    return f"rescored_1_of_{2**halvings}.jsonl" if halvings else SECOND


def rescore(
    chosen: Sequence[Trial],
    journals: SeedJournals,
    *,
    proposal: Callable[[Trial], Proposal],
    evaluate: Evaluate,
    on_training: Callable[[Trial | None], None],
) -> list[Trial]:
    """Score the chosen trials a second time. What the journals hold is not scored again.

    Args:
        chosen: Trials with their first scores.
        journals: Of the second scores.
        proposal: Makes the candidate of a trial.
        evaluate: Scores candidates.
        on_training: Called after each training that was scored now, with the trial if it was the last one of this trial.

    Returns:
        The trials with their new scores, in the order of `chosen`.

    Raises:
        UsageError: The journals hold other candidates.
    """
    journals.check(chosen)
    missing = journals.missing(chosen)
    for i, score in evaluate([replace(proposal(t), training=training) for t, training in missing]):
        assert score.accuracy is not None and score.standard_error is not None and score.value_error is not None
        trial, training = missing[i]
        rescored = replace(
            trial,
            accuracy=score.accuracy,
            score=score.value,
            score_error=score.value_error,
            float_accuracy=score.float_accuracy,
            standard_error=score.standard_error,
            seconds=round(score.seconds, 2),
            locations=score.locations,
            quantized=score.quantized,
        )
        on_training(journals.append(training, rescored))
    return journals.finished(chosen)
