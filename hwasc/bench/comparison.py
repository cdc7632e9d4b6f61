"""Strategies compared on a table of scored candidates: studies look their scores up, and nothing is trained."""

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

from hwasc.bench.hypervolume import hypervolume, hypervolume_by_trial, objectives, reference_point
from hwasc.cost.limits import ResolvedBudget
from hwasc.cost.measure import Costs
from hwasc.errors import UsageError
from hwasc.nas.job import Proposal, Score
from hwasc.nas.problem import Problem
from hwasc.nas.strategies import Strategy, start
from hwasc.nas.study import Journal, Study
from hwasc.nas.trial import Outcome, Trial
from hwasc.records.architecture import Architecture

LARGEST = 100_000  # points of a space at most; so many take minutes to count


@dataclass(frozen=True, kw_only=True)
class CachedBudget(ResolvedBudget):
    """A budget that counts each architecture once.

    Attributes:
        costs: Costs of the counted architectures, by id.
    """

    costs: dict[str, Costs] = field(default_factory=dict)

    def count(self, architecture: Architecture) -> Costs:
        """See `ResolvedBudget`."""
        if architecture.id not in self.costs:
            self.costs[architecture.id] = super().count(architecture)
        return self.costs[architecture.id]


def every_candidate(problem: Problem) -> list[Proposal]:
    """List every different architecture of a small space that keeps all rules and limits, in the space's order.

    Args:
        problem: The space and the budget.

    Returns:
        The candidates.

    Raises:
        UsageError: The space is too large to enumerate.
    """
    space = problem.space
    values = space.choices()
    size = math.prod(map(len, values.values()))
    if size > LARGEST:
        raise UsageError(
            f"search space {space.name} has {size:.3g} points, too many to score each one (at most {LARGEST:,}); "
            "name a small one, such as bench"
        )
    candidates: dict[str, Proposal] = {}
    for chosen in itertools.product(*values.values()):
        point = dict(zip(values, chosen, strict=True))
        if not space.violations(point):
            candidate = problem.proposal(point)
            a = candidate.architecture
            if a.id not in candidates and problem.budget.feasible(problem.budget.count(a)):
                candidates[a.id] = candidate
    return list(candidates.values())


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A candidate of the table.

    Attributes:
        score: 0..1, higher is better.
        macs: MACs of a clip.
        memory: Peak activation memory, bytes.
    """

    score: float
    macs: int
    memory: int


@dataclass(frozen=True)
class Curve:
    """A value after 1, 2, ... trials, over several seeds.

    Attributes:
        mean: Over seeds.
        standard_error: Of the mean.
    """

    mean: list[float]
    standard_error: list[float]

    @classmethod
    def over(cls, runs: np.ndarray) -> Curve:
        """The curve of values (seeds, trials), two seeds at least."""
        return cls(runs.mean(0).tolist(), (runs.std(0, ddof=1) / math.sqrt(len(runs))).tolist())


@dataclass(frozen=True, kw_only=True)
class StrategyCurves:
    """How fast one strategy finds good candidates.

    Attributes:
        strategy: Its name.
        best: The best score so far.
        volume: The hypervolume so far, as a share of the whole table's.
        proposed: Points proposed in a run, infeasible ones and repetitions included, mean over seeds.
        milliseconds: Time of the strategy for one point, proposing it and receiving its outcome, ms.
    """

    strategy: str
    best: Curve
    volume: Curve
    proposed: float
    milliseconds: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Strategies compared on one table.

    Attributes:
        curves: Of each strategy.
        reference: The point that hypervolumes are measured from: score, -log10 MACs, -log10 bytes.
        volume: The hypervolume of the whole table.
        best: The best score of the whole table.
    """

    curves: list[StrategyCurves]
    reference: tuple[float, ...]
    volume: float
    best: float


class MemoryJournal(Journal):
    """A journal that is not written: a run takes seconds, most of which would be spent waiting for the disk."""

    def __init__(self) -> None:
        self.path, self.trials = Path(os.devnull), {}

    def append(self, trial: Trial) -> None:
        """Add a trial."""
        self.trials[trial.number] = trial


class TimedStrategy:
    """A strategy that counts its points and measures its time.

    Attributes:
        proposed: Points proposed so far.
        seconds: Time so far, s.
    """

    def __init__(self, strategy: Strategy) -> None:
        self._strategy, self.proposed, self.seconds = strategy, 0, 0.0

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        """See `Strategy`.

        Args:
            choices: The values of each choice.
            population: Of evolutionary strategies.
            seed: Of random draws.
        """
        self._strategy.start(choices, population, seed)

    def ask(self) -> tuple[int, dict[str, Any]]:
        """See `Strategy`."""
        self.proposed += 1
        start = time.perf_counter()
        try:
            return self._strategy.ask()
        finally:
            self.seconds += time.perf_counter() - start

    def tell(self, number: int, outcome: Outcome) -> None:
        """See `Strategy`.

        Args:
            number: The point's.
            outcome: What became of the point.
        """
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
    dismiss: float | None = None,
    guided: float = 0.0,
) -> Comparison:
    """Run every strategy from every seed on the scores of all candidates.

    Args:
        problem: A small space and a budget.
        scores: Of every candidate, by architecture id.
        names: The strategies.
        seeds: Two at least.
        trials: Candidates that each run scores.
        population: Of the evolutionary strategies.
        at_a_time: Candidates that are proposed before a strategy receives their scores.
        on_run: Called with the strategy's name after each run.
        dismiss: See `study.Study`.
        guided: Likewise.

    Returns:
        Curves for each strategy, and the best score and hypervolume of the whole table.
    """
    b = problem.budget
    problem = replace(problem, budget=CachedBudget(name=b.name, limits=b.limits, counting=b.counting))
    costs = [(c.architecture.id, problem.budget.count(c.architecture)) for c in every_candidate(problem)]
    table = objectives([Entry(score=scores[i].value, macs=c.macs.torchinfo, memory=c.memory) for i, c in costs])
    reference = reference_point(table)
    whole = hypervolume(table, reference)

    def look_up(proposals: Sequence[Proposal]) -> Iterator[tuple[int, Score]]:
        return ((i, scores[p.architecture.id]) for i, p in enumerate(proposals))

    def run(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, TimedStrategy]:
        timed = TimedStrategy(start(name, problem.space, population, seed))
        study = Study(problem, timed, MemoryJournal(), seed=seed, dismiss=dismiss, guided=guided)
        scored = objectives(study.run(trials, at_a_time, look_up, lambda _: None))
        rest = (0, trials - len(scored))  # the curves of a strategy that finds no more candidates stay level
        best = np.maximum.accumulate(scored[:, 0])
        volume = hypervolume_by_trial(scored, reference) / whole
        on_run(name)
        return np.pad(best, rest, mode="edge"), np.pad(volume, rest, mode="edge"), timed

    curves = []
    for name in names:
        best, volume, timed = zip(*(run(name, seed) for seed in seeds), strict=True)
        proposed = sum(t.proposed for t in timed)
        curve = StrategyCurves(
            strategy=name,
            best=Curve.over(np.array(best)),
            volume=Curve.over(np.array(volume)),
            proposed=proposed / len(seeds),
            milliseconds=1000 * sum(t.seconds for t in timed) / proposed,
        )
        curves.append(curve)
    return Comparison(curves=curves, reference=tuple(reference.tolist()), volume=whole, best=float(table[:, 0].max()))
