"""The study: proposes candidates, filters them by cost, has them scored, and writes a journal that a resumed run reads."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hwasc.cost import Costs
from hwasc.errors import UsageError
from hwasc.nas.declare import random_point
from hwasc.nas.diversity import diverse
from hwasc.nas.guided import CHILDREN, Parent, best, children, front
from hwasc.nas.job import Proposal, Score
from hwasc.nas.predictor import Prediction, Smoother
from hwasc.nas.problem import Problem
from hwasc.nas.screening import Unscored, hopeless, rival
from hwasc.nas.strategies import Enqueues, Strategy
from hwasc.nas.trial import Outcome, Trial, read_trials
from hwasc.records.architecture import Architecture
from hwasc.records.lines import append_line
from hwasc.records.space import Point

PATIENCE = 2_000  # the search ends after so many proposals in a row without a new feasible candidate
RANDOM_AFTER = 200  # after so many in a row, every second point is drawn at random

Evaluate = Callable[[list[Proposal]], Iterator[tuple[int, Score]]]


class Journal:
    """The scored trials of a search in a JSON lines file: one line a trial, on disk before the next trial starts.

    A last line that a crash cut short is dropped.

    Attributes:
        path: The file.
        trials: What it holds, by trial number.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trials = read_trials(path)

    def append(self, trial: Trial) -> None:
        """Write a trial to the disk."""
        append_line(self.path, trial, f"trial {trial.number}")
        self.trials[trial.number] = trial


@dataclass(frozen=True, kw_only=True)
class _Pending:
    """A new feasible candidate that waits for its score.

    Attributes:
        number: The strategy's number for it; None for a point that was drawn at random.
        point: The point of the space.
        architecture: The architecture at the point.
        costs: What the architecture costs.
        proposed: Points proposed in the study so far, this one included.
        repeats: Other numbers under which the strategy proposed the same architecture before it was scored.
    """

    number: int | None
    point: dict[str, Any]
    architecture: Architecture
    costs: Costs
    proposed: int
    repeats: list[int] = field(default_factory=list)


class Study:
    """One search over a space within a budget.

    Attributes:
        problem: The space, the budget and the shape of the data.
        strategy: Proposes points and receives their outcomes.
        journal: Finished trials.
        seed: Of the points that are drawn at random when the strategy proposes nothing new.
        proposed: Points proposed so far, infeasible ones and repetitions included.
        infeasible: How many of them exceed a limit or break a rule of the space.
        dismissed: How many candidates within the budget were dismissed without a score.
    """

    def __init__(
        self,
        problem: Problem,
        strategy: Strategy,
        journal: Journal,
        *,
        seed: int,
        first: Sequence[Point] = (),
        earlier: Sequence[Trial] = (),
        dismiss: float | None = None,
        guided: float = 0.0,
    ) -> None:
        """Begin a search.

        Args:
            problem: The space, the budget and the shape of the data.
            strategy: Proposes points; it has been started.
            journal: Finished trials.
            seed: Of the points that are drawn at random.
            first: Points that are proposed first.
            earlier: Trials of an earlier search over the same choices, from which scores are predicted, too.
            dismiss: Standard deviations by which candidates must be expected to fall short, to be dismissed without a score, see
                `screening.hopeless`; None: every one is scored.
            guided: Share of the candidates that are proposed by prediction, see `nas.guided`, once scores are predicted; 0..1. A
                strategy that can be given points is told of them, too.
        """
        self.earlier, self.dismiss, self.guided = earlier, dismiss, guided
        self.problem, self.strategy, self.journal, self.seed = problem, strategy, journal, seed
        self._first = deque(first)
        self.proposed = self.infeasible = self.dismissed = 0
        self._prediction: Prediction | None = None
        self._scored: list[Parent] = []
        self._outcomes: dict[str, Outcome] = {}  # of scored candidates, by architecture id
        self._counts: dict[str, tuple[Costs, float]] = {}  # of proposed architectures, by id
        self._rng = random.Random(seed)

    @property
    def feasible_share(self) -> float:
        """Share of the proposed points that keep all limits and rules, 0..1."""
        return 1 - self.infeasible / max(self.proposed, 1)

    def run(self, count: int, at_a_time: int, evaluate: Evaluate, on_trial: Callable[[Trial], None]) -> list[Trial]:
        """Score different feasible candidates.

        The strategy receives each score as `predictor.Smoother` estimates it from all scores so far. The result does not
        depend on the order in which scores arrive.

        Args:
            count: Candidates to score.
            at_a_time: Candidates that are proposed before the strategy receives their scores.
            evaluate: Scores proposals; yields (index, score) in any order.
            on_trial: Called for each candidate that is scored now. Candidates in the journal are not scored again.

        Returns:
            The trials by number; fewer than `count` where no more feasible candidates are found.

        Raises:
            UsageError: The journal holds other candidates than this search proposes.
        """
        done: list[Trial] = []
        smoother = Smoother(self.problem.space.choices(), self.earlier)
        while len(done) < count and (group := self._propose(min(at_a_time, count - len(done)))):
            scores = self._from_journal(len(done), group)
            missing = [i for i in range(len(group)) if i not in scores]
            for j, result in evaluate([Proposal(group[i].point, group[i].architecture) for i in missing]):
                i = missing[j]
                scores[i] = self._trial(len(done) + i, group[i], result)
                self.journal.append(scores[i])
                on_trial(scores[i])
            new = [scores[i] for i in range(len(group))]
            done += new
            for candidate, estimate in zip(group, smoother.add(new), strict=True):
                outcome = self._outcome(candidate.costs, estimate)
                self._outcomes[candidate.architecture.id] = outcome
                self._scored.append(
                    Parent(point=candidate.point, score=estimate, macs=outcome.macs, memory=outcome.memory)
                )
                for number in (candidate.number, *candidate.repeats):
                    if number is not None:
                        self.strategy.tell(number, outcome)
            if smoother.predicts and (self.dismiss is not None or self.guided > 0):
                self._prediction = smoother.prediction()
        return done

    def _propose(self, size: int) -> list[_Pending]:
        """Up to `size` new candidates within the budget. The strategy receives the outcome of every other point at once."""
        group = self._by_prediction(round(self.guided * size))
        idle = 0
        space = self.problem.space
        while len(group) < size and idle < PATIENCE:
            idle += 1
            self.proposed += 1
            # A strategy may have converged to scored or infeasible points: random points let the search go on.
            number: int | None = None
            if self._first:
                point = dict(self._first.popleft())
                number = self._given(point)
            elif idle > RANDOM_AFTER and idle % 2 == 0:
                point = random_point(space, self._rng)
            else:
                number, point = self.strategy.ask()
            broken = space.violations(point)
            architecture = self.problem.architecture(point)
            costs, over = self._counted(architecture)
            violation = over + len(broken)
            self.infeasible += violation > 0
            scored = self._outcomes.get(architecture.id)
            pending = next((p for p in group if p.architecture.id == architecture.id), None)
            if violation == 0 and scored is None and pending is None:
                scored = self._dismissed(point, architecture, costs)
            if violation == 0 and scored is None and pending is None:
                candidate = _Pending(
                    number=number, point=point, architecture=architecture, costs=costs, proposed=self.proposed
                )
                group.append(candidate)
                idle = 0
            elif number is not None and pending is not None:
                pending.repeats.append(number)  # receives the same score, once that is there
            elif number is not None:
                self.strategy.tell(number, scored or self._outcome(costs, None, violation))
        return group

    def _given(self, point: dict[str, Any]) -> int | None:
        """The strategy's number for a point that it did not propose; None where it cannot learn from such points."""
        if not isinstance(self.strategy, Enqueues):
            return None
        self.strategy.enqueue([point])
        number, asked = self.strategy.ask()
        if asked != point:
            raise UsageError(
                f"the strategy {type(self.strategy).__name__} has `enqueue`, but does not ask next for a point that it is given "
                "(docs/adding/strategy.md)"
            )
        return number

    def _by_prediction(self, count: int) -> list[_Pending]:
        """New candidates within the budget: half by the score that is expected, half by what it gains over the front."""
        prediction = self._prediction
        if prediction is None or count == 0:
            return []
        ahead = front(self._scored)

        def gain(candidate: Unscored) -> float:
            return prediction(candidate) - rival(candidate, ahead)

        group = self._children(best(self._scored), count - count // 2, prediction)
        known = {candidate.architecture.id for candidate in group}
        group += self._children(ahead, count // 2, gain, known)
        return [replace(candidate, number=self._given(candidate.point)) for candidate in group]

    def _children(
        self,
        parents: Sequence[Parent],
        count: int,
        value: Callable[[Unscored], float],
        known: Container[str] = (),
    ) -> list[_Pending]:
        """New children within the budget of the highest values, the highest first; of `known` architectures none."""
        space, points = self.problem.space, [parent.point for parent in parents]
        found: dict[str, tuple[float, _Pending]] = {}  # by architecture id
        for point in children(space.choices(), points, CHILDREN * count, self._rng):
            self.proposed += 1
            architecture = self.problem.architecture(point)
            costs, violation = self._counted(architecture)
            if violation > 0 or space.violations(point):
                self.infeasible += 1
            elif architecture.id not in self._outcomes and architecture.id not in known:
                candidate = _Pending(
                    number=None, point=point, architecture=architecture, costs=costs, proposed=self.proposed
                )
                found[architecture.id] = value(Unscored.of(point, costs)), candidate
        ranked = [candidate for _, candidate in sorted(found.values(), key=lambda pair: -pair[0])]
        return diverse(ranked, count)

    def _dismissed(self, point: Point, architecture: Architecture, costs: Costs) -> Outcome | None:
        """The expected score of a hopeless candidate, for the strategy. None where it is worth a score."""
        if self._prediction is None or self.dismiss is None:
            return None
        candidate = Unscored.of(point, costs)
        expected = hopeless(candidate, prediction=self._prediction, scored=self._scored, deviations=self.dismiss)
        if expected is None:
            return None
        self.dismissed += 1
        self._outcomes[architecture.id] = self._outcome(costs, expected)
        return self._outcomes[architecture.id]

    def _counted(self, architecture: Architecture) -> tuple[Costs, float]:
        """Costs and violation of the limits; strategies propose many architectures again."""
        if architecture.id not in self._counts:
            costs = self.problem.budget.count(architecture)
            self._counts[architecture.id] = costs, self.problem.budget.violation(costs)
        return self._counts[architecture.id]

    def _from_journal(self, start: int, group: list[_Pending]) -> dict[int, Trial]:
        """The trials of a group that an earlier run has scored, by index in the group."""
        trials = {i: t for i in range(len(group)) if (t := self.journal.trials.get(start + i)) is not None}
        for i, trial in trials.items():
            if trial.id != group[i].architecture.id:
                raise UsageError(
                    f"{self.journal.path}: trial {trial.number} is not the candidate that this command proposes; another "
                    "version of hwasc wrote it. Name another folder with --run"
                )
        return trials

    @staticmethod
    def _outcome(costs: Costs, score: float | None, violation: float = 0.0) -> Outcome:
        return Outcome(violation, score, costs.macs.torchinfo, costs.memory)

    def _trial(self, number: int, candidate: _Pending, score: Score) -> Trial:
        if score.accuracy is None or score.standard_error is None or score.value_error is None:
            raise UsageError(
                "the proxy gave a score without accuracy, standard_error or value_error, which a search needs"
            )
        return Trial(
            number=number,
            id=candidate.architecture.id,
            point=candidate.point,
            accuracy=score.accuracy,
            float_accuracy=score.float_accuracy,
            standard_error=score.standard_error,
            parameters=candidate.costs.parameters,
            macs=candidate.costs.macs.torchinfo,
            memory=candidate.costs.memory,
            weights=candidate.costs.int8_memory.weights,
            seconds=round(score.seconds, 2),
            proposed=candidate.proposed,
            seed=self.seed,
            score=score.value,
            score_error=score.value_error,
            quantized=score.quantized,
        )
