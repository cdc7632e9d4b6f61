"""The best of a search, pruned to the budget's edge: `refined.jsonl` in the run folder, and the weights beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hwasc.errors import UsageError
from hwasc.nas import refinement_job
from hwasc.nas.problem import Problem
from hwasc.nas.refinement_job import Refinement
from hwasc.nas.scoring import Scoring, candidate
from hwasc.nas.trial import Refined, Trial, by_score, read_refined
from hwasc.parallel.jobs import pool
from hwasc.records.lines import append_line
from hwasc.workspace import Workspace


def refine(ws: Workspace, problem: Problem, scoring: Scoring, *, rescored: Sequence[Trial], run: Path) -> list[Refined]:
    """Refine the `search.refine` best candidates by their second scores; what the journal holds is not computed again.

    Args:
        ws: Data, settings, cache, device.
        problem: The space and the budget.
        scoring: Where the ensemble's targets and the supernet lie.
        rescored: The candidates that were scored twice.
        run: The run folder. Each refinement leaves its pruned float weights there as `refined-<trial>.safetensors`.

    Returns:
        The refined nets, the best candidate's first.

    Raises:
        UsageError: The journal is of other candidates.
    """
    s = ws.settings
    chosen = by_score(rescored)[: s.search.refine]
    if not chosen:
        return []
    journal, known = run / "refined.jsonl", _known(run / "refined.jsonl", chosen)
    missing = [t for t in chosen if t.number not in known]
    scoring = Scoring("distillation", scoring.targets, s.search.refine_train, supernet=scoring.supernet)

    def job(t: Trial) -> Refinement:
        scored = candidate(ws, scoring, problem.proposal(t.point))
        return Refinement(scored, t, problem.budget, s.search.refine_from, weights(run, t.number))

    with ws.reporter.track("refining", len(chosen)) as update, pool(ws.workers) as submit:
        update(len(chosen) - len(missing), "resumed" if len(missing) < len(chosen) else "")
        jobs = [job(t) for t in missing]
        halves: list[dict[int, Any]] = [{} for _ in jobs]
        for i, found in submit(refinement_job.half, [part for j in jobs for part in (j, j.candidate)]):
            pair = halves[i // 2]
            pair[i % 2] = found
            if len(pair) < 2:
                continue
            done = refinement_job.refined(jobs[i // 2], pair[0], pair[1])
            append_line(journal, done, f"refinement of trial {done.number}")
            known[done.number] = done
            update(len(known), f"{done.before:.1%} -> {done.accuracy:.1%}")
    return [known[t.number] for t in chosen]


def weights(run: Path, number: int) -> Path:
    """Where the pruned weights of a trial's refinement lie."""
    return run / f"refined-{number}.safetensors"


def provenance(pruned: Refined) -> dict[str, Any]:
    """What `best.json` says of a refined winner in the place of a trial's score."""
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
            "beyond": pruned.max_cost_ratio,
        },
        "weights": weights(Path(), pruned.number).name,
        "epochs": pruned.epochs,
        "seconds": pruned.seconds,
    }


def _known(journal: Path, chosen: Sequence[Trial]) -> dict[int, Refined]:
    known = {r.number: r for r in read_refined(journal)}
    for t in chosen:
        if t.number in known and known[t.number].origin != t.id:
            raise UsageError(
                f"{journal}: trial {t.number} is another candidate than in this search; delete the file to refine anew"
            )
    return {t.number: known[t.number] for t in chosen if t.number in known}
