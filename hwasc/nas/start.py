"""The start of a search from an earlier one: its best points come first, and its supernet and scores are used where they hold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from hwasc.cost.limits import ResolvedBudget, resolve
from hwasc.errors import UsageError
from hwasc.nas.job import Proposal, Score
from hwasc.nas.predictor import promising
from hwasc.nas.problem import Problem
from hwasc.nas.proxies import Proxy
from hwasc.nas.score_origin import origin_of_run, origin_of_scores
from hwasc.nas.study import Evaluate
from hwasc.nas.trial import TRIALS, Trial, read_trials
from hwasc.records import schema
from hwasc.records.budget import Budget
from hwasc.records.earlier_run import is_run, read_run
from hwasc.records.run import differences
from hwasc.records.schema import STRICT
from hwasc.records.space import Point, SearchSpace
from hwasc.workspace import Workspace

FILE = "start.json"  # in the run folder of the later search, which needs no other folder then


@dataclass(frozen=True, kw_only=True)
class SearchStart:
    """What a search takes over from an earlier one.

    Attributes:
        points: Points within the budget that are proposed first, the most promising first.
        known: Trials whose scores hold in this search.
        supernet_budget: The budget that the shared supernet was trained for; None: the search trains its own.
        earlier: Trials whose scores do not hold, but from which scores are predicted, see `nas.predictor`.
    """

    points: list[dict[str, Any]]
    known: list[Trial]
    supernet_budget: Budget | None
    earlier: list[Trial] = field(default_factory=list)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    @property
    def digest(self) -> str:
        """Hash, for the configuration of the run."""
        return schema.digest(self)

    def supernet_problem(self, problem: Problem) -> Problem:
        """The problem that the supernet is trained for.

        Args:
            problem: Of the search.

        Returns:
            The same problem, with the budget of the supernet.
        """
        if self.supernet_budget is None:
            return problem
        return replace(problem, budget=resolve(self.supernet_budget))


NOTHING = SearchStart(points=[], known=[], supernet_budget=None)


def start_from(ws: Workspace, problem: Problem, folder: Path, proxy: str | Proxy | None) -> SearchStart:
    """Take over what an earlier search found.

    Scores and supernet are used where all that they follow from is equal but for the budget, and the earlier budget is at least
    as wide. Otherwise the earlier points are scored anew, and the earlier scores only help to predict new ones; a line of the
    progress report says why.

    Args:
        ws: Data and settings of the new search.
        problem: The space and the budget of the new search.
        folder: The run folder of the earlier search.
        proxy: As in `search`.

    Returns:
        Points, scores, and the budget of the supernet.

    Raises:
        UsageError: The folder is no search, or none of its trials is within the space and the budget.
    """
    if not is_run(folder, "search"):
        raise UsageError(f"{folder}: is not the run folder of a search")
    earlier = read_run(folder)
    trials = list(read_trials(folder / TRIALS).values())
    ranked = promising(earlier.space.choices(), trials)
    within = [t for t in ranked if _valid(problem.space, t.point) and problem.budget.feasible(problem.costs(t.point))]
    if not within:
        raise UsageError(f"{folder}: none of its {len(trials)} trials is within this space and this budget")
    points = [dict(t.point) for t in within[: ws.settings.search.population]]
    shared = ws.settings.search.proxy == "supernet"
    reasons = [
        *differences(origin_of_run(earlier), origin_of_scores(ws, problem, proxy)),
        *(_tighter(resolve(earlier.budget), problem.budget) if shared else ()),
    ]
    if reasons:
        valid = [t for t in trials if _valid(problem.space, t.point)]
        ws.reporter.say(
            f"{folder}: {len(points)} of its points are scored anew, because {reasons[0]}; scores are predicted from its "
            f"{len(valid)} trials, too"
        )
        return SearchStart(points=points, known=[], supernet_budget=None, earlier=valid)
    ws.reporter.say(
        f"{folder}: {len(within)} of its {len(trials)} trials are within this budget; their scores hold here"
        + (", and its supernet is used" if shared else "")
    )
    return SearchStart(points=points, known=within, supernet_budget=earlier.budget if shared else None)


def write_start(run: Path, start: SearchStart) -> None:
    """Write what a search takes over to its run folder, if it is anything.

    Args:
        run: The run folder.
        start: What it takes over.
    """
    if start != NOTHING:
        schema.write_json(run / FILE, start)


def read_start(run: Path | None) -> SearchStart:
    """Read what the search of a run folder took over.

    Args:
        run: The run folder; None: a new one.

    Returns:
        What it took over; `NOTHING` where it began by itself.
    """
    path = None if run is None else run / FILE
    if path is None or not path.is_file():
        return NOTHING
    return schema.parse(SearchStart, schema.read_json(path, "start of a search"), str(path))


def reusing(evaluate: Evaluate, known: Mapping[str, Trial]) -> Evaluate:
    """Have candidates scored by a function, but for those that have a score already.

    Args:
        evaluate: Scores proposals.
        known: Scored candidates by architecture id. It may grow.

    Returns:
        A function that yields (index, score) as `evaluate` does.
    """

    def evaluated(proposals: list[Proposal]) -> Iterator[tuple[int, Score]]:
        found = [known.get(p.architecture.id) for p in proposals]
        yield from ((i, _score(t)) for i, t in enumerate(found) if t is not None)
        new = [i for i, t in enumerate(found) if t is None]
        if new:
            for j, score in evaluate([proposals[i] for i in new]):
                yield new[j], score

    return evaluated


def _score(t: Trial) -> Score:
    return Score(
        t.score,
        t.seconds,
        accuracy=t.accuracy,
        float_accuracy=t.float_accuracy,
        standard_error=t.standard_error,
        value_error=t.score_error,
        quantized=t.quantized,
    )


def _valid(space: SearchSpace, point: Point) -> bool:
    """Whether a point of another space is one of this space."""
    choices = space.choices()
    return set(point) == set(choices) and all(
        json.dumps(point[n]) in map(json.dumps, choices[n]) for n in choices
    ) and not space.violations(point)  # fmt: skip


def _tighter(before: ResolvedBudget, now: ResolvedBudget) -> Iterable[str]:
    """Limits of the earlier search that are tighter than those of this one: its supernet was not trained beyond them."""
    for name, limit in before.limits.items():
        if now.limits.get(name, math.inf) > limit:
            yield f"its budget was tighter ({name} at most {limit:,.0f})"
