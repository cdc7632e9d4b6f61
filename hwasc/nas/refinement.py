"""The best of a search, pruned to the budget's edge: `refined.jsonl` in the run folder, and the weights beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hwasc.errors import UsageError
from hwasc.nas import refinement_job
from hwasc.nas.job import Proposal
from hwasc.nas.refinement_job import Refinement
from hwasc.nas.scoring import Scoring, candidate
from hwasc.nas.trial import Refined, Trial, by_score
from hwasc.parallel.jobs import pool
from hwasc.records import schema
from hwasc.records.budget import Budget
from hwasc.records.lines import append_line, read_lines
from hwasc.records.space import SearchSpace
from hwasc.workspace import Workspace


def refine(
    ws: Workspace,
    space: SearchSpace,
    budget: Budget,
    limits: dict[str, float],
    scoring: Scoring,
    rescored: Sequence[Trial],
    run: Path,
) -> list[Refined]:
    """The `search.refine` best by their second scores, refined, in that order; what the journal holds is not computed again.

    Each leaves its pruned float weights as `refined-<trial>.safetensors`. UsageError where the journal is of other candidates.
    """
    s = ws.settings
    chosen = by_score(rescored)[: s.search.refine]
    if not chosen:
        return []
    journal, known = run / "refined.jsonl", _known(run / "refined.jsonl", chosen)
    missing = [t for t in chosen if t.number not in known]
    scoring = Scoring("distillation", scoring.targets, s.search.refine_train, supernet=scoring.supernet)

    def job(t: Trial) -> Refinement:
        architecture = space.architecture(t.point, len(ws.dataset.classes), s.data.seconds)
        scored = candidate(ws, scoring, Proposal(t.point, architecture))
        return Refinement(scored, t, budget, limits, s.search.refine_from, weights(run, t.number))

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
    records = [
        schema.parse(Refined, record, f"{journal}: line {number}")
        for number, record in enumerate(read_lines(journal), 1)
    ]
    known = {r.number: r for r in records}
    for t in chosen:
        if t.number in known and known[t.number].origin != t.id:
            raise UsageError(
                f"{journal}: trial {t.number} is another candidate than in this search; delete the file to refine anew"
            )
    return {t.number: known[t.number] for t in chosen if t.number in known}
