"""`hwasc bench strategies`: every candidate of a small space scored once, and how fast each strategy finds the good ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwasc.bench.comparison import Comparison, Field, compare
from hwasc.cost.limits import counter, resolve
from hwasc.ensemble.fusion import fuse, target_file
from hwasc.errors import UsageError
from hwasc.nas import strategies
from hwasc.nas.job import Proposal, Score
from hwasc.nas.scoring import Scoring, evaluator
from hwasc.nas.search import first_scoring
from hwasc.records import schema
from hwasc.records.budget import Budget
from hwasc.records.lines import append_line, read_lines
from hwasc.records.run import environment, open_run
from hwasc.records.space import SearchSpace
from hwasc.report.plots import strategy_curves
from hwasc.workspace import Workspace


@dataclass(frozen=True)
class StrategyBench:
    """The comparison, and how many candidates of which space it is over. trials of each run; seeds: those of the runs."""

    comparison: Comparison
    space: str
    candidates: int
    proxy: str
    trials: int
    seeds: list[int]
    population: int
    at_a_time: int


def bench_strategies(
    ws: Workspace,
    space: SearchSpace,
    budget: Budget,
    run: Path,
    trials: int = 200,
    seeds: int = 5,
    names: Sequence[str] = strategies.NAMES,
) -> StrategyBench:
    """Score all of a small space within the budget by the search's proxy, then run every strategy on that table.

    Every score is a line of `table.jsonl`; the same command goes on from there, with other `trials` and `seeds` too.
    Writes `strategies.json` and `strategies.svg`. Raises UsageError for a space too large, or too small for the trials.
    """
    if seeds < 2:
        raise UsageError(f"--seeds {seeds}: a standard error needs at least 2 runs")
    s = ws.settings
    limits = resolve(budget)
    field = Field(space, limits, (len(ws.dataset.classes), s.data.seconds), counter(budget, limits))
    candidates = field.candidates()
    if len(candidates) < trials:
        raise UsageError(
            f"--trials {trials}: only {len(candidates):,} candidates of the space {space.name} keep the budget "
            f"{budget.name}; ask for fewer trials or name a larger space"
        )
    open_run(
        run,
        {"verb": "bench strategies", "data": ws.data, "dataset": ws.dataset.fingerprint, "budget": budget, "space": space,
         "settings": s},
    )  # fmt: skip
    table = _table(
        ws,
        lambda: first_scoring(ws, space, limits, field.count, target_file(ws, fuse(ws))),
        candidates,
        run / "table.jsonl",
    )
    drawn = list(range(s.seed, s.seed + seeds))
    with ws.reporter.track("bench: strategies", len(names) * seeds) as update:
        played: list[str] = []

        def on_run(name: str) -> None:
            played.append(name)
            update(len(played), name)

        found = compare(field, table, names, drawn, trials, s.search.population, s.search.at_a_time, on_run)
    bench = StrategyBench(
        found, space.name, len(candidates), s.search.proxy, trials, drawn, s.search.population, s.search.at_a_time
    )
    schema.write_json(
        run / "strategies.json",
        {"schema": 1, **schema.plain(bench), "budget": budget.name, "environment": environment()},
    )
    best = {t.strategy: t.best for t in found.tracks}
    volume = {t.strategy: t.volume for t in found.tracks}
    schema.write_whole(run / "strategies.svg", strategy_curves(best, volume, found.best) + "\n")
    return bench


def _table(
    ws: Workspace, settle: Callable[[], Scoring], candidates: Sequence[Proposal], path: Path
) -> dict[str, Score]:
    """Every candidate's score by its id; those that the file holds are not computed again. A whole table needs no teachers."""
    known = {line.pop("id"): Score(**{k: v for k, v in line.items() if k != "point"}) for line in read_lines(path)}
    missing = [c for c in candidates if c.architecture.id not in known]
    if not missing:
        return known
    scoring = settle()
    with ws.reporter.track("bench: table", len(candidates)) as update, ws.open_engine() as engine:
        update(len(known), "resumed" if known else "")
        for i, score in evaluator(ws, scoring, engine)(missing):
            found = missing[i]
            line = {"id": found.architecture.id, "point": dict(found.point), **schema.plain(score)}
            append_line(path, line, "a score of the table")
            known[found.architecture.id] = score
            update(len(known), f"best {max(s.value for s in known.values()):.1%}")
    return known
