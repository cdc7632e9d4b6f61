"""A search: find the most accurate architecture of a space within a budget.

A search has these stages. Stages 3 to 5 write a journal each to the run folder, from which the same command resumes.

1. `survey` computes what the budget means over the space, and stops an infeasible search within seconds.
2. The teachers are trained and fused, unless the cache holds them (`hwasc.ensemble`).
3. A strategy proposes candidates within the budget, and a proxy scores them (`hwasc.nas.study`).
4. The best candidates are scored again by a longer distillation (`hwasc.nas.second_scores`).
5. If `search.refine` is above 0, the best of these are widened, pruned and distilled (`hwasc.nas.refinement`).
6. The best candidate is the winner. Its architecture, its weights and the result are written.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hwasc import tracking
from hwasc.cost.limits import resolve
from hwasc.ensemble.files import check_files
from hwasc.ensemble.fusion import FittedEnsemble, fuse, target_file
from hwasc.ensemble.known_clips import selection_record
from hwasc.ensemble.summary import summarize
from hwasc.errors import HwascError
from hwasc.nas import work
from hwasc.nas.choice import BY_SCORE, Choice, Chosen, choose, optimism
from hwasc.nas.engines import Engine
from hwasc.nas.feasibility import Survey, examine
from hwasc.nas.fold_scoring import by_folds
from hwasc.nas.predictor import promising
from hwasc.nas.problem import Problem
from hwasc.nas.proxies import Proxy, check_accuracy
from hwasc.nas.refinement import provenance, refine
from hwasc.nas.result import SearchResult
from hwasc.nas.score_origin import origin_of_scores
from hwasc.nas.scoring import Scoring, evaluator, scoring_from_settings
from hwasc.nas.second_scores import second_scores
from hwasc.nas.start import NOTHING, SearchStart, read_start, reusing, start_from, write_start
from hwasc.nas.storage import StoredTrials
from hwasc.nas.strategies import Enqueues, Strategy
from hwasc.nas.study import PATIENCE, Evaluate, Journal, Study
from hwasc.nas.tracked import log_trial
from hwasc.nas.train_supernet import train_supernet
from hwasc.nas.trial import BEST, TRIALS, Refined, Trial, accuracy_name, best, by_score, pareto
from hwasc.nas.winner_weights import write_winner_weights
from hwasc.progress import Reporter
from hwasc.records import architecture as architectures
from hwasc.records import schema, training_clips
from hwasc.records.budget import Budget
from hwasc.records.earlier_run import write_inputs
from hwasc.records.run import check_resumes, environment_of, free_folder, open_run
from hwasc.records.run_lock import locked_run
from hwasc.records.searched_for import provenance_of
from hwasc.records.space import SearchSpace
from hwasc.workspace import Workspace

FOLDER = Path("runs/search")
GROWING = (
    "settings.search.trials",
    "settings.search.rescore",
    "settings.search.refine",
    "settings.search.rescore_seeds",
)


def survey(problem: Problem, *, seed: int, reporter: Reporter) -> Survey:
    """Compute what a budget means over a space, and print it.

    Args:
        problem: The space and the budget.
        seed: Of the sample of the space.
        reporter: Prints the table of limits.

    Returns:
        Every limit's range over the space.

    Raises:
        InfeasibleBudget: No candidate meets the budget.
    """
    result = examine(problem, seed=seed)
    reporter.say(
        f"search space {result.space}: 10^{result.log10_size:.1f} points; {result.feasible_share:.0%} of random points meet "
        f"the budget {problem.budget.name}"
    )
    reporter.table(
        "limits over the space",
        ("limit", "at most", "minimum", "centre", "maximum", "within"),
        [(r.name, r.limit, r.minimum, r.centre, r.maximum, f"{r.feasible:.0%}") for r in result.ranges],
    )
    return result


def search(
    ws: Workspace,
    space: SearchSpace,
    budget: Budget,
    *,
    strategy: Strategy,
    engine: AbstractContextManager[Engine],
    run: Path | None,
    proxy: str | Proxy | None = None,
    choice: Choice = BY_SCORE,
    start: Path | None = None,
    storage: str | None = None,
    study_name: str | None = None,
    track: str | None = None,
) -> SearchResult:
    """Search a space for the most accurate candidate within a budget.

    Writes the journals, the winner with its weights and the result to the run folder. The same search again resumes there, and
    one of more trials, second scores or refinements goes on there: it ends as if it had been that long from the start.

    Args:
        ws: Data, settings, cache, device.
        space: The search space.
        budget: The limits.
        strategy: Proposes candidates.
        engine: Where candidates are scored.
        run: The run folder; None: `runs/search`, or a numbered one where that holds another search.
        proxy: How candidates are scored first; None: the settings'.
        choice: How the winner is chosen among the scored candidates.
        start: Run folder of an earlier search that this one starts from, see `start.start_from`; None: it starts by itself. A
            search that goes on in its run folder has what it took over at first.
        storage: A database that gets the trials too, see `storage.StoredTrials`; None: none does.
        study_name: Of the study in the database; None: a name that follows from the search.
        track: Name of a tracker that gets the figures of each trial; None: none does.

    Returns:
        The finished search.

    Raises:
        InfeasibleBudget: No candidate meets the budget. This is raised within seconds.
        UsageError: The run folder holds another search, or the proxy measures no accuracy.
        HwascError: Another command works in the run folder.
    """
    # the run folder says which precision it is: a search that goes on with more second scores keeps it
    s = replace(ws.settings, search=ws.settings.search.decided())
    ws = replace(ws, settings=s)
    known = {"verb": "search", "budget": budget, "space": space, "settings": s}
    if run is not None:
        check_resumes(run, known, growing=GROWING)
    check_files(s.teachers.members, ws.cache)
    classes = len(ws.classes)
    problem = Problem(space=space, budget=resolve(budget), classes=classes, seconds=s.data.seconds)
    check_accuracy(s.search.proxy if proxy is None else proxy)
    space_survey = survey(problem, seed=s.seed, reporter=ws.reporter)
    taken = read_start(run)  # stays what it was, though the earlier search may have gone on
    if start is not None and taken == NOTHING:
        taken = start_from(ws, problem, start, proxy)
    config = {"verb": "search", "data": ws.data, "dataset": ws.fingerprint, **known}
    if taken != NOTHING:
        config["start"] = taken.digest
    run = run or free_folder(FOLDER, config, growing=GROWING)
    with locked_run(run):
        open_run(run, config, growing=GROWING)
        write_inputs(run, ws.inputs)
        write_start(run, taken)
        stored = None
        if storage is not None:
            limits = taken.supernet_problem(problem).budget.limits
            origin = {**origin_of_scores(ws, problem, proxy), "limits": dict(limits)}
            stored = StoredTrials(storage, study_name, space.choices(), origin)
            ws.reporter.say(
                f"study {stored.name}: {len(stored.known):,} scored candidates, none of which is scored again"
            )
        with tracking.begin(track, run, say=ws.reporter.say) as tracker, ws.reporter.plan(work.search_stages(ws)):
            return _search(
                replace(ws, tracker=tracker),
                problem,
                strategy=strategy,
                engine=engine,
                run=run,
                proxy=proxy,
                choice=choice,
                survey=space_survey,
                taken=taken,
                stored=stored,
            )


def _search(
    ws: Workspace,
    problem: Problem,
    *,
    strategy: Strategy,
    engine: AbstractContextManager[Engine],
    run: Path,
    proxy: str | Proxy | None,
    choice: Choice,
    survey: Survey,
    taken: SearchStart,
    stored: StoredTrials | None,
) -> SearchResult:
    """The stages of a search after its survey, in a run folder that no other process works in."""
    fused = fuse(ws)
    scoring = first_scoring(ws, taken.supernet_problem(problem), target_file(fused), proxy)
    first = taken.points
    if not first and isinstance(strategy, Enqueues):  # the others draw their own
        first = problem.starting_points(ws.settings.search.population, seed=ws.settings.seed)
    study = Study(
        problem,
        strategy,
        Journal(run / TRIALS),
        seed=ws.settings.seed,
        first=first,
        earlier=taken.earlier,
        dismiss=ws.settings.search.dismiss,
        guided=ws.settings.search.guided,
    )
    in_full = replace(scoring, clips=0, quantized=True)
    with engine as opened:
        evaluate = reusing(evaluator(ws, scoring, opened), {t.id: t for t in taken.known})
        trials = _first_scores(ws, study, evaluate, stored)
        if not trials:
            raise HwascError(
                f"none of {study.proposed:,} points of the space {problem.space.name} meets the budget "
                f"{problem.budget.name}; raise a limit or name another space"
            )
        ranked = promising(problem.space.choices(), trials, taken.earlier)
        rescored = second_scores(ws, problem, in_full, fused, engine=opened, ranked=ranked, run=run)
    refined = refine(ws, problem, in_full, rescored=rescored, run=run)
    return _finish(
        ws,
        problem,
        fused,
        in_full,
        survey=survey,
        trials=trials,
        rescored=rescored,
        refined=refined,
        chosen=choose(choice, trials=trials, rescored=rescored, refined=refined),
        dismissed=study.dismissed,
        run=run,
    )


def first_scoring(ws: Workspace, problem: Problem, targets: Path, proxy: str | Proxy | None = None) -> Scoring:
    """Decide how candidates get their first scores, and train the supernet if the proxy needs one.

    Args:
        ws: Data, settings, cache, device.
        problem: The space, the budget and the shape of the data.
        targets: File of the ensemble's logits.
        proxy: A name or an object; None: the settings' proxy.

    Returns:
        How candidates are scored.
    """
    needs_supernet = ws.settings.search.proxy == "supernet"
    return replace(
        scoring_from_settings(ws.settings, targets, proxy),
        supernet=train_supernet(ws, problem, targets) if needs_supernet else None,
    )


def _first_scores(ws: Workspace, study: Study, evaluate: Evaluate, stored: StoredTrials | None) -> list[Trial]:
    settings, journal = ws.settings.search, study.journal
    if stored:
        evaluate = reusing(evaluate, stored.known)
        for trial in journal.trials.values():
            stored.add(trial)
    done = len(journal.trials)
    with ws.reporter.stage(work.CANDIDATES), ws.reporter.track("candidates", settings.trials, done=done) as update:
        update(done, "resumed" if done else "")

        def on_trial(trial: Trial) -> None:
            if stored:
                stored.add(trial)
            scored = list(journal.trials.values())
            log_trial(ws.tracker, "search", trial, best(scored))
            update(
                len(scored),
                f"best {best(scored).accuracy:.1%}, front {len(pareto(scored))}, feasible {study.feasible_share:.0%}, "
                f"dismissed {study.dismissed:,}",
            )

        trials = study.run(settings.trials, settings.at_a_time, evaluate, on_trial)
    if 0 < len(trials) < settings.trials:
        ws.reporter.say(
            f"{len(trials):,} of {settings.trials:,} candidates are scored: each of the last {PATIENCE:,} proposals exceeds the "
            "budget, is scored already, or is hopeless by prediction (search.dismiss)"
        )
    return trials


def _finish(
    ws: Workspace,
    problem: Problem,
    fused: FittedEnsemble,
    scoring: Scoring,
    *,
    survey: Survey,
    trials: list[Trial],
    rescored: list[Trial],
    refined: list[Refined],
    chosen: Chosen,
    dismissed: int,
    run: Path,
) -> SearchResult:
    """Write the winner's weights and its architecture file, and the result."""
    s, front, winner, pruned = ws.settings, pareto(trials), chosen.trial, chosen.refined
    if winner.number not in {
        t.number for t in front
    }:  # the winner by second scores may lie behind the front of first scores
        front = by_score([*front, *(t for t in trials if t.number == winner.number)])
    proposal = problem.proposal(winner.point)
    clips = selection_record(ws)
    training_clips.save(clips, run / training_clips.FILE)
    weights = write_winner_weights(ws, scoring, proposal, refined=pruned, path=run / "best.safetensors")
    architecture = proposal.architecture if pruned is None else pruned.architecture
    costs = problem.budget.measure(architecture)
    validation = ws.features(ws.dataset.validation, fused.front_end, "validation")
    scored_clips = len(validation) if rescored else s.search.clips_of_first(len(validation))
    over_folds = None if pruned else winner.locations  # refined nets are measured on validation clips
    second = s.search.second(over_folds=by_folds(ws))
    estimate = optimism(rescored, chosen.how) if chosen.how != "pick" else None
    about: dict[str, Any] = {
        "data": ws.data,
        "dataset": ws.fingerprint,
        "classes": list(ws.dataset.classes),
        **(provenance_of(problem.budget.record) if problem.budget.record else {"budget": problem.budget.name}),
        "space": problem.space.name,
        "costs": schema.plain(costs),
        "limits": {c.name: {"limit": c.limit, "slack": c.slack} for c in problem.budget.check(costs)},
        "proxy": {
            "score": winner.score,
            "score_error": winner.score_error,
            accuracy_name(winner): winner.accuracy,
            "standard_error": winner.standard_error,
            "clips": round(sum(c.clips for c in over_folds)) if over_folds else scored_clips,
            "split": "folds" if over_folds else "validation",
            "trial": winner.number,
            "by": chosen.proxy or s.search.proxy,
            "chosen": chosen.how,
            **({"nested_accuracy": estimate.nested} if estimate else {}),
            "epochs": (second if chosen.proxy else s.search.train).epochs,
            **({"weigh": s.search.weigh} if s.search.weigh != "clips" else {}),
            **({"trainings": len(winner.by_seed)} if winner.by_seed and not pruned else {}),
            **(provenance(pruned) if pruned else {}),
        },
        "seed": s.seed,
        **environment_of(run),
    }
    result = SearchResult(
        run=run,
        best=architectures.save(run / BEST, architecture, about, weights, clips=clips.reference),
        trial=winner,
        chosen_refined=pruned,
        front=front,
        trials=trials,
        rescored=rescored,
        refined=refined,
        problem=problem,
        survey=survey,
        limits=dict(problem.budget.limits),
        proxy=s.search.proxy,
        second_epochs=second.epochs,
        rungs=s.search.rungs,
        optimism=estimate,
        clips=s.search.clips_of_first(len(validation)),
        second_clips=len(validation),
        teachers=summarize(fused, validation, "validation"),
        environment=environment_of(run),
        dismissed=dismissed,
    )
    result.write()
    return result
