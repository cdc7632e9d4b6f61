"""Refinement of the best candidates by pruning: `refined.jsonl` in the run folder, and the weights beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hwasc.ensemble.known_clips import selection_record
from hwasc.errors import UsageError
from hwasc.nas import refinement_job
from hwasc.nas.problem import Problem
from hwasc.nas.refinement_job import RefinementJob
from hwasc.nas.scoring import Scoring, candidate
from hwasc.nas.trial import REFINED, Refined, Trial, by_score, read_refined
from hwasc.nas.work import REFINEMENT
from hwasc.parallel.jobs import pool
from hwasc.records import training_clips
from hwasc.records.lines import append_line
from hwasc.workspace import Workspace


def refine(ws: Workspace, problem: Problem, scoring: Scoring, *, rescored: Sequence[Trial], run: Path) -> list[Refined]:
    """Refine the `search.refine` candidates of the highest second scores. Nets in the journal are not refined again.

    Args:
        ws: Data, settings, cache, device.
        problem: The space and the budget.
        scoring: Names the ensemble's targets and the supernet.
        rescored: The candidates that were scored twice.
        run: The run folder. Each refinement leaves its pruned float weights there as `refined-<trial>.safetensors`.

    Returns:
        The refined nets, the best candidate's first.

    Raises:
        UsageError: The journal holds other candidates.
    """
    s = ws.settings
    chosen = by_score(rescored)[: s.search.refine]
    if not chosen:
        return []
    journal = run / REFINED
    finished = _finished(journal, chosen)
    missing = [t for t in chosen if t.number not in finished]
    scoring = Scoring(
        proxy="distillation", targets=scoring.targets, train=s.search.refine_train, supernet=scoring.supernet
    )

    def job(t: Trial) -> RefinementJob:
        return RefinementJob(
            candidate=candidate(ws, scoring, problem.proposal(t.point)),
            trial=t,
            budget=problem.budget,
            start_ratio=s.search.refine_from,
            weights=weights_path(run, t.number),
            about=training_clips.metadata(selection_record(ws)),
        )

    with (
        ws.reporter.stage(REFINEMENT),
        ws.reporter.track("refining", len(chosen), done=len(chosen) - len(missing)) as update,
        pool(ws.workers) as submit,
    ):
        update(len(chosen) - len(missing), "resumed" if len(missing) < len(chosen) else "")
        jobs = [job(t) for t in missing]
        # Each refinement is two jobs that need not wait for each other: pruning, and the candidate as it is.
        results: list[dict[int, Any]] = [{} for _ in jobs]
        for i, result in submit(refinement_job.run_job, [part for j in jobs for part in (j, j.candidate)]):
            pair = results[i // 2]
            pair[i % 2] = result
            if len(pair) < 2:
                continue
            done = refinement_job.refined(jobs[i // 2], pair[0], pair[1])
            append_line(journal, done, f"refinement of trial {done.number}")
            finished[done.number] = done
            update(len(finished), f"{done.before:.1%} -> {done.accuracy:.1%}")
    return [finished[t.number] for t in chosen]


def weights_path(run: Path, number: int) -> Path:
    """The file of a refinement's pruned float weights.

    Args:
        run: The run folder.
        number: The trial that was refined.

    Returns:
        The path, whether there is a file or not.
    """
    return run / f"refined-{number}.safetensors"


def provenance(pruned: Refined) -> dict[str, Any]:
    """The entries of `best.json` that describe a refined winner, in place of a trial's score."""
    return {
        "score": pruned.score,
        "score_error": pruned.score_error,
        "int8_accuracy": pruned.accuracy,
        "standard_error": pruned.standard_error,
        "by": "refinement",
        "trial": pruned.number,
        "from": {
            "id": pruned.origin,
            "int8_accuracy": pruned.before,
            "score": pruned.before_score,
            "max_cost_ratio": pruned.max_cost_ratio,
        },
        "weights": weights_path(Path(), pruned.number).name,
        "epochs": pruned.epochs,
        "seconds": pruned.seconds,
    }


def _finished(journal: Path, chosen: Sequence[Trial]) -> dict[int, Refined]:
    """The refined nets that the journal holds, by trial number."""
    finished = {r.number: r for r in read_refined(journal)}
    for t in chosen:
        if t.number in finished and finished[t.number].origin != t.id:
            raise UsageError(
                f"{journal}: trial {t.number} is another candidate than in this search; delete the file to refine again"
            )
    return {t.number: finished[t.number] for t in chosen if t.number in finished}
