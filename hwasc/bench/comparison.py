"""Strategies side by side on a table of scored candidates: real studies whose scores are looked up; nothing is trained."""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hwasc.bench.hypervolume import growth, hypervolume, objectives, reference
from hwasc.cost.limits import ResolvedBudget
from hwasc.cost.measure import Costs
from hwasc.errors import UsageError
from hwasc.nas.job import Proposal, Score
from hwasc.nas.problem import Problem
from hwasc.nas.strategies import Strategy, start
from hwasc.nas.study import Journal, Study
from hwasc.nas.trial import Outcome, Trial
from hwasc.records.architecture import Architecture

LARGEST = 100_000  # points of a space that are counted through, in minutes


@dataclass(frozen=True, kw_only=True)
class CachedBudget(ResolvedBudget):
    """A budget that counts each architecture once.

    Attributes:
        costs: What was counted, by architecture id.
    """

    costs: dict[str, Costs] = field(default_factory=dict)

    def count(self, architecture: Architecture) -> Costs:
        """See `ResolvedBudget`."""
        if architecture.id not in self.costs:
            self.costs[architecture.id] = super().count(architecture)
        return self.costs[architecture.id]


def every_candidate(problem: Problem) -> list[Proposal]:
    """Every different architecture of a small space that keeps rules and limits, in the space's order.

    Args:
        problem: The space and the budget.

    Returns:
        The candidates.

    Raises:
        UsageError: The space is too large to look at each point.
    """
    space = problem.space
    values = space.choices()
    size = math.prod(map(len, values.values()))
    if size > LARGEST:
        raise UsageError(
            f"search space {space.name} has {size:.3g} points, too many to score each one (at most {LARGEST:,}); "
            "name a small one, such as bench"
        )
    found: dict[str, Proposal] = {}
    for chosen in itertools.product(*values.values()):
        point = dict(zip(values, chosen, strict=True))
        if not space.violations(point):
            candidate = problem.proposal(point)
            a = candidate.architecture
            if a.id not in found and problem.budget.feasible(problem.budget.count(a)):
                found[a.id] = candidate
    return list(found.values())


@dataclass(frozen=True)
class Entry:
    """A candidate of the table: score 0..1, MACs, activation memory in bytes."""

    score: float
    macs: int
    memory: int


@dataclass(frozen=True)
class Curve:
    """After 1, 2, ... trials: the mean over seeds and its standard error."""

    mean: list[float]
    standard_error: list[float]

    @classmethod
    def over(cls, runs: np.ndarray) -> Curve:
        """Of (seeds, trials) values, two seeds at least."""
        return cls(runs.mean(0).tolist(), (runs.std(0, ddof=1) / math.sqrt(len(runs))).tolist())


@dataclass(frozen=True)
class Track:
    """One strategy: the best score so far, and the hypervolume so far as a share of the whole table's.

    asked: points asked for in a run, infeasible ones and repetitions included. milliseconds: the strategy's own time for one,
    to think of it and to be told.
    """

    strategy: str
    best: Curve
    volume: Curve
    asked: float
    milliseconds: float


@dataclass(frozen=True)
class Comparison:
    """reference: score, -log10 MACs, -log10 bytes that hypervolumes are measured from. volume, best: the whole table's."""

    tracks: list[Track]
    reference: tuple[float, ...]
    volume: float
    best: float


class Unwritten(Journal):
    """A journal in memory: the runs are over in seconds, and waiting for the disk would take most of them."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def append(self, trial: Trial) -> None:
        """Keep a trial."""
        self.trials[trial.number] = trial


class Timed:
    """A strategy that counts its points and its seconds."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy, self.asked, self.seconds = strategy, 0, 0.0

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        """See `Strategy`."""
        self._strategy.start(choices, population, seed)

    def ask(self) -> tuple[int, dict[str, Any]]:
        """See `Strategy`."""
        self.asked += 1
        start = time.perf_counter()
        try:
            return self._strategy.ask()
        finally:
            self.seconds += time.perf_counter() - start

    def tell(self, number: int, outcome: Outcome) -> None:
        """See `Strategy`."""
        start = time.perf_counter()
        self._strategy.tell(number, outcome)
        self.seconds += time.perf_counter() - start


def compare(
    problem: Problem,
    scores: Mapping[str, Score],
    names: Sequence[str],
    *,
    seeds: Sequence[int],
    trials: int,
    population: int,
    at_a_time: int,
    on_run: Callable[[str], None],
) -> Comparison:
    """Run every strategy from every seed on the scores of all candidates.

    Args:
        problem: A small space and a budget.
        scores: Of every candidate, by architecture id.
        names: The strategies.
        seeds: Two at least.
        trials: Candidates that each run looks at.
        population: Of the evolutionary strategies.
        at_a_time: Candidates asked for before a strategy learns their scores.
        on_run: Called with the strategy's name after each run.

    Returns:
        A curve for each strategy, and what the whole table holds.
    """
    b = problem.budget
    problem = replace(problem, budget=CachedBudget(name=b.name, limits=b.limits, counting=b.counting))
    costs = [(c.architecture.id, problem.budget.count(c.architecture)) for c in every_candidate(problem)]
    table = objectives([Entry(scores[i].value, c.macs.torchinfo, c.int8_memory.activations) for i, c in costs])
    beyond = reference(table)
    whole = hypervolume(table, beyond)

    def look_up(proposals: Sequence[Proposal]) -> Iterator[tuple[int, Score]]:
        return ((i, scores[p.architecture.id]) for i, p in enumerate(proposals))

    def run(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, Timed]:
        timed = Timed(start(name, problem.space, population, seed))
        study = Study(problem, timed, Unwritten(), seed=seed)
        found = objectives(study.run(trials, at_a_time, look_up, lambda _: None))
        rest = (0, trials - len(found))  # a strategy that finds no more stays where it is
        best = np.maximum.accumulate(found[:, 0])
        on_run(name)
        return np.pad(best, rest, mode="edge"), np.pad(growth(found, beyond) / whole, rest, mode="edge"), timed

    tracks = []
    for name in names:
        best, volume, timed = zip(*(run(name, seed) for seed in seeds), strict=True)
        asked = sum(t.asked for t in timed)
        each = 1000 * sum(t.seconds for t in timed) / asked
        tracks.append(Track(name, Curve.over(np.array(best)), Curve.over(np.array(volume)), asked / len(seeds), each))
    return Comparison(tracks, tuple(beyond.tolist()), whole, float(table[:, 0].max()))
