"""`hwasc search`: the most accurate candidate of a space that keeps a budget."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hwasc.cost import measure
from hwasc.cost.limits import check, counter, counting, resolve
from hwasc.cost.measure import Costs
from hwasc.ensemble.fusion import Fused, fuse, target_file
from hwasc.ensemble.summary import summarize
from hwasc.errors import HwascError
from hwasc.nas.engines import Engine
from hwasc.nas.feasibility import Survey, examine
from hwasc.nas.job import Proposal
from hwasc.nas.predictor import smoothed
from hwasc.nas.refinement import provenance, refine
from hwasc.nas.scoring import Scoring, evaluator
from hwasc.nas.second_scores import rescore, varied
from hwasc.nas.strategies import create
from hwasc.nas.study import Evaluate, Journal, Study
from hwasc.nas.train_supernet import supernet
from hwasc.nas.trial import Refined, Trial, best, best_refined, by_score, pareto
from hwasc.nas.winner_weights import write_winner_weights
from hwasc.progress import Reporter
from hwasc.records import architecture as architectures
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Budget
from hwasc.records.run import environment, open_run
from hwasc.records.space import SearchSpace
from hwasc.workspace import Workspace


@dataclass(frozen=True)
class SearchResult:
    """What a search leaves: the files of its run folder, and the winner. rescored: the best few with their second scores.

    best: of the trials; refined: what pruning made of the best of these. `architecture` is one of them where it beats the trials.
    """

    architecture: Architecture
    best: Trial
    front: list[Trial]
    trials: list[Trial]
    rescored: list[Trial]
    refined: list[Refined]
    run: Path

    @property
    def path(self) -> Path:
        """The winner's architecture file."""
        return self.run / "best.json"


def survey(
    space: SearchSpace, budget: Budget, classes: int, seconds: float, seed: int, reporter: Reporter
) -> tuple[dict[str, float], Survey]:
    """Limits resolved and held against the space, printed; InfeasibleBudget before any training where none can be met."""
    limits = resolve(budget)
    found = examine(space, limits, classes, seconds, seed, counter(budget, limits))
    reporter.say(
        f"search space {space.name}: 10^{space.log10_size():.1f} points; {found.feasible_share:.0%} of random ones keep "
        f"the budget {budget.name}"
    )
    reporter.table(
        "limits over the space",
        ("limit", "at most", "minimum", "centre", "maximum", "within"),
        [(r.name, r.limit, r.minimum, r.centre, r.maximum, f"{r.feasible:.0%}") for r in found.ranges],
    )
    return limits, found


def search(ws: Workspace, space: SearchSpace, budget: Budget, run: Path) -> SearchResult:
    """Search and write best.json, its weights, trials.jsonl, rescored.jsonl, pareto.csv and report.html into the run folder;
    resumes there.

    Raises InfeasibleBudget in seconds where no candidate keeps the budget.
    """
    s, classes = ws.settings, len(ws.dataset.classes)
    limits, found = survey(space, budget, classes, s.data.seconds, s.seed, ws.reporter)
    open_run(
        run,
        {
            "verb": "search",
            "data": ws.data,
            "dataset": ws.dataset.fingerprint,
            "budget": budget,
            "space": space,
            "settings": s,
        },
    )
    fused = fuse(ws)
    targets = target_file(ws, fused)
    journal = Journal(run / "trials.jsonl")
    count = counter(budget, limits)
    scoring = first_scoring(ws, space, limits, count, targets)
    study = Study(
        space,
        limits,
        create(s.search.strategy, space, s.search.population, s.seed),
        journal,
        (classes, s.data.seconds),
        s.seed,
        count,
    )
    with ws.open_engine() as engine:
        trials = _first_scores(ws, study, evaluator(ws, scoring, engine))
        if not trials:
            raise HwascError(
                f"no candidate of the space {space.name} within the budget was found in {study.asked:,} points"
            )
        rescored = _second_scores(ws, space, scoring, engine, trials, run)
    refined = refine(ws, space, budget, limits, scoring, rescored, run)
    return _write(ws, space, budget, limits, found, fused, scoring, trials, rescored, refined, run)


def first_scoring(
    ws: Workspace,
    space: SearchSpace,
    limits: dict[str, float],
    count: Callable[[Architecture], Costs],
    targets: Path,
) -> Scoring:
    """How a search with these settings scores candidates first; trains the supernet where one is needed and not yet there."""
    s = ws.settings
    shared = supernet(ws, space, limits, count, targets) if s.search.proxy == "supernet" else None
    qat = s.search.proxy_qat_steps
    return Scoring(
        s.search.proxy, targets, s.search.train, s.distill.qat if qat else None, qat, shared, s.search.proxy_steps
    )


def _first_scores(ws: Workspace, study: Study, evaluate: Evaluate) -> list[Trial]:
    settings, journal = ws.settings.search, study.journal
    with ws.reporter.track("search", settings.trials) as update:
        update(len(journal.trials), "resumed" if journal.trials else "")

        def on_trial(_: Trial) -> None:
            known = list(journal.trials.values())
            update(
                len(known),
                f"best {best(known).accuracy:.1%}, front {len(pareto(known))}, feasible {study.feasible_share:.0%}",
            )

        return study.run(settings.trials, settings.at_a_time, evaluate, on_trial)


def _second_scores(
    ws: Workspace, space: SearchSpace, scoring: Scoring, engine: Engine, trials: list[Trial], run: Path
) -> list[Trial]:
    s, classes = ws.settings, len(ws.dataset.classes)
    count = min(s.search.rescore, len(trials))
    if count < 1:
        return []
    journal = Journal(run / "rescored.jsonl")
    chosen = varied(promising(space, trials), count)
    with ws.reporter.track("second scores", count) as update:

        def on_trial(_: Trial) -> None:
            again = [journal.trials[t.number] for t in chosen if t.number in journal.trials]
            update(len(again), f"best {best(again).accuracy:.1%}")

        return rescore(
            chosen,
            journal,
            lambda t: Proposal(t.point, space.architecture(t.point, classes, s.data.seconds)),
            evaluator(ws, replace(scoring, proxy="distillation", train=s.search.second, qat=None), engine),
            on_trial,
        )


def promising(space: SearchSpace, trials: list[Trial]) -> list[Trial]:
    """By falling `predictor.smoothed` score; among equals the cheaper one first."""
    estimates = dict(zip((t.number for t in trials), smoothed(space.choices(), trials), strict=True))
    return sorted(trials, key=lambda t: (-estimates[t.number], t.macs, t.memory, t.number))


def _write(
    ws: Workspace,
    space: SearchSpace,
    budget: Budget,
    limits: dict[str, float],
    found: Survey,
    fused: Fused,
    scoring: Scoring,
    trials: list[Trial],
    rescored: list[Trial],
    refined: list[Refined],
    run: Path,
) -> SearchResult:
    from hwasc.report.reports import search_report

    front, winner = pareto(trials), best(rescored or trials)
    if winner.number not in {t.number for t in front}:  # its first score was not
        front = by_score([*front, *(t for t in trials if t.number == winner.number)])
    architecture = space.architecture(winner.point, len(ws.dataset.classes), ws.settings.data.seconds)
    pruned = best_refined(refined, winner)
    weights = write_winner_weights(ws, scoring, Proposal(winner.point, architecture), pruned, run / "best.safetensors")
    if pruned is not None:
        architecture = pruned.architecture
    costs = measure(architecture, counting(budget))
    validation = ws.features(ws.dataset.validation, fused.front_end, "validation")
    summary = summarize(fused, validation, "validation")
    schema.write_json(run / "teachers.json", summary)
    architectures.save(
        run / "best.json",
        architecture,
        {
            "data": ws.data,
            "dataset": ws.dataset.fingerprint,
            "classes": list(ws.dataset.classes),
            "budget": budget.name,
            "space": space.name,
            "costs": schema.plain(costs),
            "limits": {c.name: {"limit": c.limit, "slack": c.slack} for c in check(costs, limits)},
            "proxy": {
                "score": winner.score,
                "score_error": winner.score_error,
                "int8_accuracy": winner.accuracy,
                "standard_error": winner.standard_error,
                "clips": len(validation),
                "split": "validation",
                "trial": winner.number,
                "by": "distillation" if rescored else ws.settings.search.proxy,
                "epochs": (ws.settings.search.second if rescored else ws.settings.search.train).epochs,
                **(provenance(pruned) if pruned else {}),
            },
            "seed": ws.settings.seed,
            **environment(),
        },
        weights,
    )
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("id", "score", "accuracy", "standard_error", "parameters", "macs", "memory", "weights", "trial"))
    writer.writerows(
        (t.id, t.score, t.accuracy, t.standard_error, t.parameters, t.macs, t.memory, t.weights, t.number)
        for t in front
    )
    schema.write_whole(run / "pareto.csv", table.getvalue())
    schema.write_whole(
        run / "report.html",
        search_report(
            space.name,
            space.log10_size(),
            found.ranges,
            found.feasible_share,
            trials,
            front,
            winner,
            architecture.text(),
            summary["fusion"],
            limits,
            environment(),
            rescored=rescored,
            clips=len(validation),
            proxy=ws.settings.search.proxy,
            front_end=architecture.front_end,
            refined=refined,
            epochs=ws.settings.search.second.epochs,
            left_out=summary["leave_one_out"],
            mixing=summary["mixing"],
        ),
    )
    return SearchResult(architecture, winner, front, trials, rescored, refined, run)
