"""`hwasc bench proxy`: candidates of all costs are distilled in full, and each proxy's ranking is compared with that."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hwasc.bench.ranking import Ranking, bootstrap, interval, rank
from hwasc.cost import measure
from hwasc.cost.limits import resolve
from hwasc.cost.measure import Costs
from hwasc.ensemble.fusion import fuse, target_file
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.nas.engines import Engine
from hwasc.nas.job import Proposal, Score
from hwasc.nas.predictor import MIN_TRIALS, blended
from hwasc.nas.problem import Problem
from hwasc.nas.scoring import Scoring, evaluator, scoring_from_settings
from hwasc.nas.study import Journal
from hwasc.nas.train_supernet import train_supernet
from hwasc.parts import PROXIES
from hwasc.records import schema
from hwasc.records.budget import Budget
from hwasc.records.lines import append_line, read_lines
from hwasc.records.results import Result
from hwasc.records.run import environment, open_run
from hwasc.records.run_lock import alone_in_run_folder
from hwasc.records.space import Point, SearchSpace
from hwasc.workspace import Workspace

T = TypeVar("T")
TRUTH = "truth"
PREDICTED = "with predictor"  # the settings' proxy, with scores smoothed by `nas.predictor`


@dataclass(frozen=True, kw_only=True)
class ProxyRow:
    """One proxy's line of the table.

    Attributes:
        proxy: Its name.
        ranking: How well it ranks.
        seconds: The mean time of a score, s.
        ahead: 95 % interval of its tau minus the tau of `parameters`, and minus that of `macs`.
    """

    proxy: str
    ranking: Ranking
    seconds: float
    ahead: dict[str, tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class RankedCandidate:
    """A candidate that proxies ranked.

    Attributes:
        id: The architecture's.
        point: The point of the space.
        costs: What the architecture costs.
    """

    id: str
    point: dict[str, Any]
    costs: Costs


@dataclass(frozen=True, kw_only=True)
class ProxyBench(Result):
    """How well proxies rank candidates.

    Attributes:
        schema: Version of the format.
        rows: A row for each proxy.
        scores: Each proxy's values in the order of `candidates`.
        truth_seconds: The mean time of a full distillation, s.
        candidates: What was ranked.
        environment: Command, versions, machine and date.
    """

    schema: int = 1
    rows: list[ProxyRow]
    scores: dict[str, list[float]]
    truth_seconds: float
    candidates: list[RankedCandidate]
    environment: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """A candidate for the predictor, see `predictor.ScoredCandidate`."""

    point: Point
    parameters: int
    macs: int
    memory: int
    score: float


@alone_in_run_folder
def bench_proxies(
    ws: Workspace,
    space: SearchSpace,
    budget: Budget,
    *,
    run: Path,
    engine: AbstractContextManager[Engine],
    count: int = 24,
    names: Sequence[str] | None = None,
    learn_from: Path | None = None,
) -> ProxyBench:
    """Compare proxies with full distillation on candidates within a budget that have all sizes, by MACs.

    The truth is the int8 accuracy on validation clips after `distill.train` and `distill.qat`.

    Args:
        ws: Data, settings, cache, device.
        space: The choices.
        budget: The limits.
        run: The run folder. Each score is a line of `scores.jsonl` there; the same call resumes from it.
        engine: Where candidates are scored.
        count: Candidates that are distilled in full, 3 at least.
        names: The proxies; None: all registered ones.
        learn_from: A search's `trials.jsonl` in this space, scored by the settings' proxy. It adds a row: that proxy with
            a predictor that is fitted on these trials, the candidates left out.

    Returns:
        The table, also written as `proxies.json`.

    Raises:
        UsageError: `count` is below 3.
        HwascError: Too few candidates meet the budget.
        DataError: The trials of `learn_from` are of another space, or too few.
    """
    names = PROXIES.names() if names is None else names
    if count < 3:
        raise UsageError(f"--count {count}: a ranking needs at least 3 candidates")
    s, classes = ws.settings, len(ws.dataset.classes)
    problem = Problem(space=space, budget=resolve(budget), classes=classes, seconds=s.data.seconds)
    open_run(
        run,
        {"verb": "bench proxy", "data": ws.data, "dataset": ws.fingerprint, "budget": budget, "space": space,
         "count": count, "settings": s},
    )  # fmt: skip
    points = problem.feasible_points(s.search.supernet.points, seed=s.seed)
    if len(points) < count:
        raise HwascError(f"only {len(points)} candidates within the budget were found; at least {count} are needed")
    candidates = [problem.proposal(p) for p in stratified(points, count, s.seed)]
    targets = target_file(fuse(ws))
    path = run / "scores.jsonl"
    scorings = {name: scoring_from_settings(s, targets, name) for name in names}
    if "supernet" in scorings and _missing(candidates, _read(path, "supernet")):
        shared = train_supernet(ws, problem, targets)
        scorings["supernet"] = replace(scorings["supernet"], supernet=shared)
    scorings[TRUTH] = Scoring(proxy="distillation", targets=targets, train=s.distill.train, qat=s.distill.qat)
    with engine as opened:
        scores = {
            n: _scores(ws, n, scoring, engine=opened, candidates=candidates, path=path)
            for n, scoring in scorings.items()
        }
    values = {n: [_value(n, x) for x in v] for n, v in scores.items()}
    seconds = {n: float(np.mean([x.seconds for x in v])) for n, v in scores.items()}
    if learn_from is not None:
        values[PREDICTED] = smoothed(space, candidates, values[s.search.proxy], learn_from)
        seconds[PREDICTED] = seconds[s.search.proxy]
    bench = ProxyBench(
        rows=[
            ProxyRow(proxy=n, ranking=r, seconds=seconds[n], ahead=a) for n, (r, a) in rankings(values, s.seed).items()
        ],
        scores=values,
        truth_seconds=seconds[TRUTH],
        candidates=[
            RankedCandidate(id=c.architecture.id, point=dict(c.point), costs=measure(c.architecture))
            for c in candidates
        ],
        environment=environment(),
    )
    bench.write(run / "proxies.json")
    return bench


def smoothed(
    space: SearchSpace, candidates: Sequence[Proposal], scores: Sequence[float], learn_from: Path
) -> list[float]:
    """Smooth candidates' scores by the predictor of a search.

    Args:
        space: The choices.
        candidates: What was scored.
        scores: Theirs.
        learn_from: The search's `trials.jsonl`; candidates in it are left out.

    Returns:
        The smoothed scores, in the same order.

    Raises:
        DataError: The trials are of another space, or too few.
    """
    ids = {c.architecture.id for c in candidates}
    trials = [t for t in Journal(learn_from).trials.values() if t.id not in ids]
    if len(trials) < MIN_TRIALS or any(set(t.point) - set(space.choices()) for t in trials):
        raise DataError(
            f"{learn_from}: {len(trials)} trials of other candidates; at least {MIN_TRIALS} of the space {space.name} are needed"
        )
    rows = []
    for c, score in zip(candidates, scores, strict=True):
        costs = measure(c.architecture)
        row = _Scored(
            point=c.point,
            parameters=costs.parameters,
            macs=costs.macs.torchinfo,
            memory=costs.int8_memory.activations,
            score=score,
        )
        rows.append(row)
    return blended(space.choices(), trials, rows)


def rankings(values: dict[str, list[float]], seed: int) -> dict[str, tuple[Ranking, dict[str, tuple[float, float]]]]:
    """Rank every proxy against the truth, and compare its tau with that of parameters and of MACs.

    Args:
        values: Of each proxy and of `TRUTH`, a value for each candidate.
        seed: Of the bootstrap, which draws the same samples for all proxies.

    Returns:
        For each proxy its ranking, and the 95 % intervals of `ProxyRow.ahead`.
    """
    truth = np.array(values[TRUTH])
    arrays = {n: np.array(v) for n, v in values.items() if n != TRUTH}
    taus = {n: bootstrap(v, truth, seed)[0] for n, v in arrays.items()}
    return {
        n: (
            rank(v, truth, seed),
            {b: interval(taus[n] - taus[b]) for b in ("parameters", "macs") if b in taus and b != n},
        )
        for n, v in arrays.items()
    }


def stratified(points: Sequence[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """Draw a stratified sample: one point from each of `count` equal parts.

    Args:
        points: By rising cost.
        count: Points to draw.
        seed: Of the draw.

    Returns:
        The sample, by rising cost.
    """
    rng = np.random.default_rng(seed)
    edges = np.linspace(0, len(points), count + 1).astype(int)
    return [points[int(rng.integers(a, b))] for a, b in itertools.pairwise(edges)]


def _value(name: str, score: Score) -> float:
    """The value that a proxy ranks by; for the truth, the int8 accuracy."""
    return score.accuracy if name == TRUTH and score.accuracy is not None else score.value


def _scores(
    ws: Workspace, name: str, scoring: Scoring, *, engine: Engine, candidates: Sequence[Proposal], path: Path
) -> list[Score]:
    """Score all candidates, those of all sizes from the start. Scores in the file are not computed again."""
    scores = _read(path, name)
    missing = spread(_missing(candidates, scores))
    with ws.reporter.track(f"bench: {name}", len(candidates), done=len(scores)) as update:
        for i, score in evaluator(ws, scoring, engine)(missing):
            scores[missing[i].architecture.id] = score
            append_line(
                path, {"proxy": name, "id": missing[i].architecture.id, **schema.plain(score)}, f"a score by {name}"
            )
            update(len(scores), f"{score.value:.4g}")
    return [scores[c.architecture.id] for c in candidates]


def spread(items: Sequence[T]) -> list[T]:
    """Order items so that the first few of them are spread over all: by their numbers' bits from the last one on.

    Args:
        items: Sorted, by cost for example.

    Returns:
        The same items. Every beginning of the list has about as many from each part of `items`.
    """
    bits = len(items).bit_length()
    return [items[i] for i in sorted(range(len(items)), key=lambda i: f"{i:0{bits}b}"[::-1])]


def _missing(candidates: Sequence[Proposal], scores: Mapping[str, Score]) -> list[Proposal]:
    return [c for c in candidates if c.architecture.id not in scores]


def _read(path: Path, name: str) -> dict[str, Score]:
    lines = [line for line in read_lines(path) if line.get("proxy") == name]
    return {
        str(line.get("id")): schema.parse(Score, {k: v for k, v in line.items() if k not in ("proxy", "id")}, str(path))
        for line in lines
    }
