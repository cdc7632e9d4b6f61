"""The result of a search: the winner, the trials, the front, and what the budget means over the space."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwasc.ensemble.summary import EnsembleSummary
from hwasc.errors import UsageError
from hwasc.nas.feasibility import Survey
from hwasc.nas.location_scores import Optimism
from hwasc.nas.problem import Problem, problem_of
from hwasc.nas.study import Journal
from hwasc.nas.trial import BEST, REFINED, SECOND, TRIALS, Refined, Trial, read_refined
from hwasc.records import architecture as architectures
from hwasc.records import schema
from hwasc.records.architecture import ArchitectureFile
from hwasc.records.results import Result

RESULT, TEACHERS = "result.json", "teachers.json"


@dataclass(frozen=True, kw_only=True)
class _Index:
    """`result.json` of a search: everything that is not in the other files of the run folder."""

    schema: int
    winner: int
    front: list[int]
    rescored: list[int]
    refined: list[int]
    chosen_refined: int | None
    survey: Survey
    limits: dict[str, float]
    proxy: str
    second_epochs: int
    clips: int
    environment: dict[str, Any]
    optimism: Optimism | None = None
    dismissed: int = 0
    second_clips: int | None = None
    rungs: int = 1


@dataclass(frozen=True, kw_only=True)
class SearchResult(Result):
    """A finished search.

    Attributes:
        run: Its run folder.
        best: The winner's architecture file; it names the weights that lie beside it.
        trial: The trial that the winner is, or was refined from.
        chosen_refined: The refined net that became the winner, if one did.
        front: The Pareto front of score, MACs and activation memory, by falling score, the winner's trial included.
        trials: Every scored candidate, by number.
        rescored: The candidates that were scored a second time, with those scores.
        refined: The refined nets.
        problem: The space and the budget.
        survey: What the budget means over the space.
        limits: The limit of each cost, by its dotted name.
        proxy: The proxy of the first scores.
        second_epochs: Epochs of training before a second score.
        clips: Validation clips that first scores are computed on.
        optimism: How much of the winner's accuracy is due to the choice among finalists; None where their scores are not over
            folds, or the winner was named.
        teachers: The ensemble on validation clips.
        environment: Command, versions, machine and date.
        second_clips: Validation clips that second scores and refined nets are measured on, unless they are over folds.
        dismissed: Candidates within the budget that were dismissed without a score, see `screening.hopeless`.
        rungs: Rungs of second scores, `rescored` being the last one.
    """

    run: Path
    best: ArchitectureFile
    trial: Trial
    chosen_refined: Refined | None
    front: list[Trial]
    trials: list[Trial]
    rescored: list[Trial]
    refined: list[Refined]
    problem: Problem
    survey: Survey
    limits: dict[str, float]
    proxy: str
    second_epochs: int
    clips: int
    teachers: EnsembleSummary
    environment: dict[str, Any]
    second_clips: int
    optimism: Optimism | None = None
    dismissed: int = 0
    rungs: int = 1

    def write(self, path: Path | None = None) -> None:
        """Write `result.json`, `teachers.json` and `pareto.csv` beside the journals of the run folder.

        Args:
            path: Of `result.json`; None: in the run folder.
        """
        index = _Index(
            schema=1,
            winner=self.trial.number,
            front=[t.number for t in self.front],
            rescored=[t.number for t in self.rescored],
            refined=[r.number for r in self.refined],
            chosen_refined=None if self.chosen_refined is None else self.chosen_refined.number,
            survey=self.survey,
            limits=self.limits,
            proxy=self.proxy,
            second_epochs=self.second_epochs,
            clips=self.clips,
            environment=self.environment,
            optimism=self.optimism,
            dismissed=self.dismissed,
            second_clips=self.second_clips,
            rungs=self.rungs,
        )
        self.teachers.write(self.run / TEACHERS)
        schema.write_whole(self.run / "pareto.csv", pareto_csv(self.front))
        schema.write_json(path or self.run / RESULT, index)

    @classmethod
    def read(cls, path: Path | str) -> SearchResult:
        """Read a finished search from its run folder, or from the `result.json` in it.

        Args:
            path: The folder or the file.

        Returns:
            The search as it was returned.

        Raises:
            UsageError: A file is absent or broken, e.g. because the search has not ended.
        """
        path = Path(path)
        run = path if path.is_dir() else path.parent
        index = schema.parse(_Index, schema.read_json(run / RESULT, "result of a search"), str(run / RESULT))
        trials, second = Journal(run / TRIALS).trials, Journal(run / SECOND).trials
        refined = {r.number: r for r in read_refined(run / REFINED)}
        for named, file, known in (
            ([index.winner, *index.front], TRIALS, {**trials, **second}),
            (index.front, TRIALS, trials),
            (index.rescored, SECOND, second),
            ([*index.refined, *([] if index.chosen_refined is None else [index.chosen_refined])], REFINED, refined),
        ):
            if absent := [n for n in named if n not in known]:
                raise UsageError(f"{run / RESULT}: names trial {absent[0]}, which {file} beside it does not hold")
        winner = second.get(index.winner) or trials[index.winner]
        best = architectures.load(run / BEST)
        return cls(
            run=run,
            best=best,
            trial=winner,
            chosen_refined=None if index.chosen_refined is None else refined[index.chosen_refined],
            front=[trials[n] for n in index.front],
            trials=[trials[n] for n in sorted(trials)],
            rescored=[second[n] for n in index.rescored],
            refined=[refined[n] for n in index.refined],
            problem=problem_of(run, best.architecture),
            survey=index.survey,
            limits=index.limits,
            proxy=index.proxy,
            second_epochs=index.second_epochs,
            clips=index.clips,
            teachers=EnsembleSummary.read(run / TEACHERS),
            environment=index.environment,
            optimism=index.optimism,
            dismissed=index.dismissed,
            rungs=index.rungs,
            second_clips=index.clips if index.second_clips is None else index.second_clips,
        )


def pareto_csv(front: list[Trial]) -> str:
    """The front as a table, one line a trial."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "score", "accuracy", "standard_error", "parameters", "macs", "memory", "weights", "trial"))
    for t in front:
        writer.writerow(
            (t.id, t.score, t.accuracy, t.standard_error, t.parameters, t.macs, t.memory, t.weights, t.number)
        )
    return text.getvalue()
