"""The study: asks a strategy, filters by cost, has candidates scored, keeps a journal that the same command resumes from."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hwasc.cost import Costs
from hwasc.errors import UsageError
from hwasc.nas.declare import random_point
from hwasc.nas.job import Proposal, Score
from hwasc.nas.predictor import smoothed
from hwasc.nas.problem import Problem
from hwasc.nas.strategies import Strategy
from hwasc.nas.trial import Outcome, Trial
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.lines import append_line, read_lines

PATIENCE = 2_000  # points without a new feasible one among them before the search ends
RANDOM_AFTER = 200  # of these, before every second one is drawn at random

Evaluate = Callable[[list[Proposal]], Iterator[tuple[int, Score]]]


class Journal:
    """`trials.jsonl`: a line a trial, on disk before the next one starts. A line cut short by a crash is dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trials: dict[int, Trial] = {}
        for number, record in enumerate(read_lines(path), 1):
            trial = schema.parse(Trial, record, f"{path}: line {number}")
            self.trials[trial.number] = trial

    def append(self, trial: Trial) -> None:
        """Write a trial and have it reach the disk."""
        append_line(self.path, trial, f"trial {trial.number}")
        self.trials[trial.number] = trial


@dataclass(frozen=True)
class _Asked:
    """A new feasible candidate that waits for its score. number: the strategy's (None where a random draw helped out).

    again: numbers under which the strategy asked for it once more before it was scored.
    """

    number: int | None
    point: dict[str, Any]
    architecture: Architecture
    costs: Costs
    asked: int
    again: list[int] = field(default_factory=list)


class Study:
    """One search over a space within a budget.

    Attributes:
        problem: The space, the budget and the shape of the data.
        strategy: Proposes points and learns from their outcomes.
        journal: Finished trials.
        seed: Of the random draws that help a strategy out.
        asked: Points asked for so far.
        infeasible: Of these, the points beyond a limit or against a rule.
    """

    def __init__(self, problem: Problem, strategy: Strategy, journal: Journal, *, seed: int) -> None:
        self.problem, self.strategy, self.journal, self.seed = problem, strategy, journal, seed
        self.asked = self.infeasible = 0
        self._known: dict[str, Outcome] = {}
        self._rng = random.Random(seed)

    @property
    def feasible_share(self) -> float:
        """Of the points asked for so far, those within the limits and rules."""
        return 1 - self.infeasible / max(self.asked, 1)

    def run(self, count: int, at_a_time: int, evaluate: Evaluate, on_trial: Callable[[Trial], None]) -> list[Trial]:
        """Score `count` different feasible candidates (fewer where no more are found) and return them by number.

        The strategy is told what `predictor.smoothed` makes of all scores so far. evaluate(proposals) yields (index, score) in
        any order. Candidates that the journal holds are not scored again;
        on_trial is called for each one that is.
        """
        done: list[Trial] = []
        while len(done) < count and (group := self._ask(min(at_a_time, count - len(done)))):
            scores = self._resumed(len(done), group)
            missing = [i for i in range(len(group)) if i not in scores]
            for j, result in evaluate([Proposal(group[i].point, group[i].architecture) for i in missing]):
                i = missing[j]
                scores[i] = self._trial(len(done) + i, group[i], result)
                self.journal.append(scores[i])
                on_trial(scores[i])
            done += [scores[i] for i in range(len(group))]
            estimates = smoothed(self.problem.space.choices(), done)[-len(group) :]
            for candidate, estimate in zip(group, estimates, strict=True):
                outcome = self._outcome(candidate.costs, estimate)
                self._known[candidate.architecture.id] = outcome
                for number in (candidate.number, *candidate.again):
                    if number is not None:
                        self.strategy.tell(number, outcome)
        return done

    def _ask(self, size: int) -> list[_Asked]:
        """Up to `size` new candidates within the budget; all others are told at once, for a millisecond each."""
        group: list[_Asked] = []
        idle = 0
        space, budget = self.problem.space, self.problem.budget
        while len(group) < size and idle < PATIENCE:
            idle += 1
            self.asked += 1
            # A strategy that has settled on what is known or beyond the budget is helped out by chance.
            helped = idle > RANDOM_AFTER and idle % 2 == 0
            number, point = (None, random_point(space, self._rng)) if helped else self.strategy.ask()
            broken = space.violations(point)
            architecture = self.problem.architecture(point)
            costs = budget.count(architecture)
            violation = budget.violation(costs) + len(broken)
            self.infeasible += violation > 0
            known = self._known.get(architecture.id)
            waiting = next((a for a in group if a.architecture.id == architecture.id), None)
            if violation == 0 and known is None and waiting is None:
                group.append(_Asked(number, point, architecture, costs, self.asked))
                idle = 0
            elif number is not None and waiting is not None:
                waiting.again.append(number)  # told with the score that it waits for
            elif number is not None:
                self.strategy.tell(number, known or self._outcome(costs, None, violation))
        return group

    def _resumed(self, start: int, group: list[_Asked]) -> dict[int, Trial]:
        found = {i: t for i in range(len(group)) if (t := self.journal.trials.get(start + i)) is not None}
        for i, trial in found.items():
            if trial.id != group[i].architecture.id:
                raise UsageError(
                    f"{self.journal.path}: trial {trial.number} is not the candidate that this command asks for; it was "
                    "written by another version. Name another folder with --run"
                )
        return found

    @staticmethod
    def _outcome(costs: Costs, score: float | None, violation: float = 0.0) -> Outcome:
        return Outcome(violation, score, costs.macs.torchinfo, costs.int8_memory.activations)

    def _trial(self, number: int, a: _Asked, score: Score) -> Trial:
        if score.accuracy is None or score.standard_error is None or score.value_error is None:
            raise UsageError(
                "the proxy gave a score without accuracy, standard_error or value_error, which a search needs"
            )
        return Trial(
            number,
            a.architecture.id,
            a.point,
            score.accuracy,
            score.float_accuracy,
            score.standard_error,
            a.costs.parameters,
            a.costs.macs.torchinfo,
            a.costs.int8_memory.activations,
            a.costs.int8_memory.weights,
            round(score.seconds, 2),
            a.asked,
            self.seed,
            score=score.value,
            score_error=score.value_error,
        )
