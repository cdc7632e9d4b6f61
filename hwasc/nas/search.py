"""A search: the most accurate candidate of a space that keeps within a budget."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hwasc.cost.limits import resolve
from hwasc.ensemble.fusion import Fused, fuse, target_file
from hwasc.ensemble.summary import summarize
from hwasc.errors import HwascError
from hwasc.nas.engines import Engine
from hwasc.nas.feasibility import Survey, examine
from hwasc.nas.predictor import smoothed
from hwasc.nas.problem import Problem
from hwasc.nas.proxies import Proxy, check_accuracy
from hwasc.nas.refinement import provenance, refine
from hwasc.nas.result import SECOND, TRIALS, SearchResult
from hwasc.nas.scoring import Scoring, evaluator
from hwasc.nas.second_scores import rescore, varied
from hwasc.nas.strategies import Strategy
from hwasc.nas.study import Evaluate, Journal, Study
from hwasc.nas.train_supernet import train_supernet
from hwasc.nas.trial import Refined, Trial, best, best_refined, by_score, pareto
from hwasc.nas.winner_weights import write_winner_weights
from hwasc.progress import Reporter
from hwasc.records import architecture as architectures
from hwasc.records import schema
from hwasc.records.budget import Budget
from hwasc.records.run import environment, open_run
from hwasc.records.space import SearchSpace
from hwasc.workspace import Workspace


def survey(problem: Problem, *, seed: int, reporter: Reporter) -> Survey:
    """Hold a budget against a space, and print what it means there.

    Args:
        problem: The space and the budget.
        seed: Of the sample of the space.
        reporter: Prints the table of limits.

    Returns:
        Every limit's range over the space.

    Raises:
        InfeasibleBudget: No candidate keeps within the budget.
    """
    found = examine(problem, seed=seed)
    reporter.say(
        f"search space {found.space}: 10^{found.log10_size:.1f} points; {found.feasible_share:.0%} of random ones keep "
        f"the budget {problem.budget.name}"
    )
    reporter.table(
        "limits over the space",
        ("limit", "at most", "minimum", "centre", "maximum", "within"),
        [(r.name, r.limit, r.minimum, r.centre, r.maximum, f"{r.feasible:.0%}") for r in found.ranges],
    )
    return found


def search(
    ws: Workspace,
    space: SearchSpace,
    budget: Budget,
    *,
    strategy: Strategy,
    engine: AbstractContextManager[Engine],
    run: Path,
    proxy: str | Proxy | None = None,
) -> SearchResult:
    """Search, and write the journals, the winner with its weights and the result into a run folder; resumes there.

    Args:
        ws: Data, settings, cache, device.
        space: The choices.
        budget: The limits.
        strategy: Proposes candidates.
        engine: Where candidates are scored.
        run: The run folder.
        proxy: How candidates are scored first; None: the settings'.

    Returns:
        The finished search.

    Raises:
        InfeasibleBudget: No candidate keeps within the budget; raised in seconds.
        UsageError: The run folder holds another search, or the proxy measures no accuracy.
    """
    s, classes = ws.settings, len(ws.classes)
    problem = Problem(space=space, budget=resolve(budget), classes=classes, seconds=s.data.seconds)
    check_accuracy(s.search.proxy if proxy is None else proxy)
    found = survey(problem, seed=s.seed, reporter=ws.reporter)
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
    scoring = first_scoring(ws, problem, target_file(ws, fused), proxy)
    study = Study(problem, strategy, Journal(run / TRIALS), seed=s.seed)
    with engine as opened:
        trials = _first_scores(ws, study, evaluator(ws, scoring, opened))
        if not trials:
            raise HwascError(
                f"no candidate of the space {space.name} within the budget was found in {study.asked:,} points"
            )
        rescored = _second_scores(ws, problem, scoring, engine=opened, trials=trials, run=run)
    refined = refine(ws, problem, scoring, rescored=rescored, run=run)
    return _finish(
        ws, problem, fused, scoring, survey=found, trials=trials, rescored=rescored, refined=refined, run=run
    )


def first_scoring(ws: Workspace, problem: Problem, targets: Path, proxy: str | Proxy | None = None) -> Scoring:
    """How a search with these settings scores candidates first; trains the supernet where one is needed and absent."""
    s = ws.settings
    shared = train_supernet(ws, problem, targets) if s.search.proxy == "supernet" else None
    qat = s.search.proxy_qat_steps
    return Scoring(
        s.search.proxy if proxy is None else proxy,
        targets,
        s.search.train,
        qat=s.distill.qat if qat else None,
        qat_steps=qat,
        supernet=shared,
        steps=s.search.proxy_steps,
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
    ws: Workspace, problem: Problem, scoring: Scoring, *, engine: Engine, trials: list[Trial], run: Path
) -> list[Trial]:
    s = ws.settings
    count = min(s.search.rescore, len(trials))
    if count < 1:
        return []
    journal = Journal(run / SECOND)
    chosen = varied(promising(problem.space, trials), count)
    scoring = replace(scoring, proxy="distillation", train=s.search.second, qat=None)
    with ws.reporter.track("second scores", count) as update:

        def on_trial(_: Trial) -> None:
            again = [journal.trials[t.number] for t in chosen if t.number in journal.trials]
            update(len(again), f"best {best(again).accuracy:.1%}")

        return rescore(
            chosen,
            journal,
            proposal=lambda t: problem.proposal(t.point),
            evaluate=evaluator(ws, scoring, engine),
            on_trial=on_trial,
        )


def promising(space: SearchSpace, trials: list[Trial]) -> list[Trial]:
    """By falling `predictor.smoothed` score; among equals the cheaper one first."""
    estimates = dict(zip((t.number for t in trials), smoothed(space.choices(), trials), strict=True))
    return sorted(trials, key=lambda t: (-estimates[t.number], t.macs, t.memory, t.number))


def _finish(
    ws: Workspace,
    problem: Problem,
    fused: Fused,
    scoring: Scoring,
    *,
    survey: Survey,
    trials: list[Trial],
    rescored: list[Trial],
    refined: list[Refined],
    run: Path,
) -> SearchResult:
    """Choose the winner, write its weights and its architecture file, and the result."""
    s, front, winner = ws.settings, pareto(trials), best(rescored or trials)
    if winner.number not in {t.number for t in front}:  # its first score was not
        front = by_score([*front, *(t for t in trials if t.number == winner.number)])
    proposal, pruned = problem.proposal(winner.point), best_refined(refined, winner)
    weights = write_winner_weights(ws, scoring, proposal, refined=pruned, path=run / "best.safetensors")
    architecture = proposal.architecture if pruned is None else pruned.architecture
    costs = problem.budget.measure(architecture)
    validation = ws.features(ws.dataset.validation, fused.front_end, "validation")
    about: dict[str, Any] = {
        "data": ws.data,
        "dataset": ws.dataset.fingerprint,
        "classes": list(ws.dataset.classes),
        "budget": problem.budget.name,
        "space": problem.space.name,
        "costs": schema.plain(costs),
        "limits": {c.name: {"limit": c.limit, "slack": c.slack} for c in problem.budget.check(costs)},
        "proxy": {
            "score": winner.score,
            "score_error": winner.score_error,
            "int8_accuracy": winner.accuracy,
            "standard_error": winner.standard_error,
            "clips": len(validation),
            "split": "validation",
            "trial": winner.number,
            "by": "distillation" if rescored else s.search.proxy,
            "epochs": (s.search.second if rescored else s.search.train).epochs,
            **(provenance(pruned) if pruned else {}),
        },
        "seed": s.seed,
        **environment(),
    }
    result = SearchResult(
        run=run,
        best=architectures.save(run / "best.json", architecture, about, weights),
        trial=winner,
        chosen_refined=pruned,
        front=front,
        trials=trials,
        rescored=rescored,
        refined=refined,
        survey=survey,
        limits=dict(problem.budget.limits),
        proxy=s.search.proxy,
        second_epochs=s.search.second.epochs,
        clips=len(validation),
        teachers=summarize(fused, validation, "validation"),
        environment=environment(),
    )
    result.write()
    return result
