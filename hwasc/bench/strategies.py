"""`hwasc bench strategies`: every candidate of a small space is scored once, then each strategy searches that table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwasc.bench.comparison import Comparison, compare, every_candidate
from hwasc.cost.limits import resolve
from hwasc.ensemble.fusion import fuse, target_file
from hwasc.errors import UsageError
from hwasc.nas.engines import Engine
from hwasc.nas.job import Proposal, Score
from hwasc.nas.problem import Problem
from hwasc.nas.scoring import Scoring, evaluator
from hwasc.nas.search import first_scoring
from hwasc.parts import STRATEGIES
from hwasc.records import schema
from hwasc.records.budget import Budget
from hwasc.records.lines import append_line, read_lines
from hwasc.records.results import Result
from hwasc.records.run import environment, open_run
from hwasc.records.run_lock import alone_in_run_folder
from hwasc.records.space import SearchSpace
from hwasc.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class StrategyBench(Result):
    """How fast strategies find good candidates.

    Attributes:
        schema: Version of the format.
        comparison: The curves.
        space: The space's name.
        budget: The budget's name.
        candidates: Candidates of the space that meet the budget.
        proxy: What gave the scores.
        trials: Candidates that each run scores.
        seeds: Of the runs.
        population: Of the evolutionary strategies.
        at_a_time: Candidates that are proposed before a strategy receives their scores.
        environment: Command, versions, machine and date.
    """

    schema: int = 1
    comparison: Comparison
    space: str
    budget: str
    candidates: int
    proxy: str
    trials: int
    seeds: list[int]
    population: int
    at_a_time: int
    environment: dict[str, Any]


@alone_in_run_folder
def bench_strategies(
    ws: Workspace,
    space: SearchSpace,
    budget: Budget,
    *,
    run: Path,
    engine: AbstractContextManager[Engine],
    trials: int = 200,
    seeds: int = 5,
    names: Sequence[str] | None = None,
) -> StrategyBench:
    """Score all of a small space within the budget by the search's proxy, then run every strategy on that table.

    Args:
        ws: Data, settings, cache, device.
        space: A small search space.
        budget: The limits.
        run: The run folder. Each score is a line of `table.jsonl` there; the same call resumes from it, also with other
            `trials` and `seeds`.
        engine: Where candidates are scored.
        trials: Candidates that each run scores.
        seeds: Runs of each strategy, 2 at least.
        names: The strategies; None: all that are known.

    Returns:
        The comparison, also written as `strategies.json`.

    Raises:
        UsageError: The space is too large, or too small for the trials.
    """
    names = STRATEGIES.names() if names is None else names
    if seeds < 2:
        raise UsageError(f"--seeds {seeds}: a standard error needs at least 2 runs")
    s = ws.settings
    problem = Problem(space=space, budget=resolve(budget), classes=len(ws.dataset.classes), seconds=s.data.seconds)
    candidates = every_candidate(problem)
    if len(candidates) < trials:
        raise UsageError(
            f"--trials {trials}: only {len(candidates):,} candidates of the space {space.name} meet the budget "
            f"{budget.name}; choose fewer trials or name a larger space"
        )
    open_run(
        run,
        {"verb": "bench strategies", "data": ws.data, "dataset": ws.fingerprint, "budget": budget, "space": space,
         "settings": s},
    )  # fmt: skip
    table = _table(
        ws,
        lambda: first_scoring(ws, problem, target_file(fuse(ws))),
        candidates=candidates,
        engine=engine,
        path=run / "table.jsonl",
    )
    drawn = list(range(s.seed, s.seed + seeds))
    with ws.reporter.track("bench: strategies", len(names) * seeds) as update:
        finished: list[str] = []

        def on_run(name: str) -> None:
            finished.append(name)
            update(len(finished), name)

        comparison = compare(
            problem,
            table,
            names,
            seeds=drawn,
            trials=trials,
            population=s.search.population,
            at_a_time=s.search.at_a_time,
            on_run=on_run,
            dismiss=s.search.dismiss,
        )
    bench = StrategyBench(
        comparison=comparison,
        space=space.name,
        budget=budget.name,
        candidates=len(candidates),
        proxy=s.search.proxy,
        trials=trials,
        seeds=drawn,
        population=s.search.population,
        at_a_time=s.search.at_a_time,
        environment=environment(),
    )
    bench.write(run / "strategies.json")
    return bench


def _table(
    ws: Workspace,
    make_scoring: Callable[[], Scoring],
    *,
    candidates: Sequence[Proposal],
    engine: AbstractContextManager[Engine],
    path: Path,
) -> dict[str, Score]:
    """Score every candidate, by id. Scores in the file are not computed again; if none is missing, no teachers are needed."""
    scores = {
        str(line.get("id")): schema.parse(Score, {k: v for k, v in line.items() if k not in ("id", "point")}, str(path))
        for line in read_lines(path)
    }
    missing = [c for c in candidates if c.architecture.id not in scores]
    if not missing:
        return scores
    scoring = make_scoring()
    with ws.reporter.track("bench: table", len(candidates), done=len(scores)) as update, engine as opened:
        update(len(scores), "resumed" if scores else "")
        for i, score in evaluator(ws, scoring, opened)(missing):
            candidate = missing[i]
            line = {"id": candidate.architecture.id, "point": dict(candidate.point), **schema.plain(score)}
            append_line(path, line, "a score of the table")
            scores[candidate.architecture.id] = score
            update(len(scores), f"best {max(s.value for s in scores.values()):.1%}")
    return scores
