"""The trials of a search as an Optuna study in a database: a dashboard shows them while it runs, equal searches share scores.

A score is taken from the study only where everything it follows from is the same. So no result depends on the database: a search
gives the same trials with it and without, in another time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import hwasc
from hwasc.errors import HwascError, UsageError
from hwasc.nas.job import Proposal, Score
from hwasc.nas.predictor import Choices
from hwasc.nas.problem import Problem
from hwasc.nas.study import Evaluate
from hwasc.nas.trial import Trial
from hwasc.records import schema
from hwasc.records.run import differences, without_password
from hwasc.records.schema import digest
from hwasc.registry import name_of
from hwasc.workspace import Workspace

if TYPE_CHECKING:
    import optuna

    from hwasc.nas.proxies import Proxy

ORIGIN = "hwasc"  # attribute of the study: what its scores follow from
# Settings of a search that decide which candidates are scored, and what happens to them later, but no score
NOT_OF_SCORES = (
    "strategy", "trials", "population", "at_a_time", "rescore", "rescore_train", "refine", "refine_from", "refine_train",
)  # fmt: skip


def origin_of_scores(ws: Workspace, problem: Problem, proxy: str | Proxy | None) -> dict[str, Any]:
    """Collect what the first scores of a search follow from.

    Args:
        ws: Data and settings.
        problem: The space and the budget.
        proxy: As in `search`.

    Returns:
        JSON-ready values.
    """
    settings = schema.plain(ws.settings)
    search = {k: v for k, v in settings["search"].items() if k not in NOT_OF_SCORES}
    return {
        "hwasc": hwasc.__version__,
        "dataset": ws.fingerprint,
        "space": schema.plain(problem.space),
        "limits": dict(problem.budget.limits),
        "proxy": ws.settings.search.proxy if proxy is None else name_of(proxy),
        "settings": {**{k: v for k, v in settings.items() if k != "effort"}, "search": search},
    }


class StoredTrials:
    """An Optuna study that holds scored candidates: their choices as parameters, the score as value, all else as attributes.

    Attributes:
        name: Of the study.
        known: The scored candidates that it holds, by architecture id.
    """

    def __init__(self, url: str, name: str | None, choices: Choices, origin: Mapping[str, Any]) -> None:
        """Open a study, or make it.

        Args:
            url: Of the database, as SQLAlchemy takes it, e.g. `sqlite:///trials.db`.
            name: Of the study; None: a name that follows from the space and from all that scores follow from.
            choices: The values of every choice by name.
            origin: What scores follow from.

        Raises:
            UsageError: The address cannot be used, or the study has scores of another origin.
            HwascError: The database does not answer.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.name, self._choices, self._where = name or _name(origin), choices, f"storage {without_password(url)}"
        try:
            storage = optuna.storages.RDBStorage(url)
        except ImportError as e:
            raise UsageError(
                f"{self._where}: needs a package for this kind of database ({_line(e)}); install it"
            ) from None
        except Exception as e:  # of SQLAlchemy, of the driver, or of Optuna where tables are of another version
            raise UsageError(
                f"{self._where}: cannot be opened ({_line(e)}); name a database such as sqlite:///trials.db"
            ) from None
        with self._answering():
            self._study = optuna.create_study(
                storage=storage, study_name=self.name, direction="maximize", load_if_exists=True
            )
            self._check(dict(origin))
            self.known = {t.id: t for t in map(self._trial, self._study.get_trials(states=(_complete(),)))}

    def add(self, trial: Trial) -> None:
        """Add a scored candidate, unless the study holds it.

        Args:
            trial: The candidate.

        Raises:
            HwascError: The database does not answer.
        """
        import optuna

        if trial.id in self.known:
            return
        attributes = {k: v for k, v in schema.plain(trial).items() if k != "point"}
        distributions: dict[str, optuna.distributions.BaseDistribution] = {
            name: optuna.distributions.CategoricalDistribution(v) for name, v in self._choices.items()
        }
        with self._answering():
            self._study.add_trial(
                optuna.trial.create_trial(
                    params=trial.point, distributions=distributions, value=trial.score, user_attrs=attributes
                )
            )
        self.known[trial.id] = trial

    def reusing(self, evaluate: Evaluate) -> Evaluate:
        """Have candidates scored by a function, but for those that the study holds already.

        Args:
            evaluate: Scores proposals.

        Returns:
            A function that yields (index, score) as `evaluate` does.
        """

        def evaluated(proposals: list[Proposal]) -> Iterator[tuple[int, Score]]:
            found = [self.known.get(p.architecture.id) for p in proposals]
            yield from ((i, _score(t)) for i, t in enumerate(found) if t is not None)
            new = [i for i, t in enumerate(found) if t is None]
            if new:
                for j, score in evaluate([proposals[i] for i in new]):
                    yield new[j], score

        return evaluated

    def _check(self, origin: dict[str, Any]) -> None:
        """Write down what scores follow from, or compare it with what stands there."""
        attributes = self._study.user_attrs
        if ORIGIN not in attributes:
            if self._study.get_trials(deepcopy=False):
                raise UsageError(f"{self._where}: the study {self.name} is not of hwasc; name another with --study")
            self._study.set_user_attr(ORIGIN, origin)
        elif changes := list(differences(attributes[ORIGIN], origin)):
            more = f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
            raise UsageError(
                f"{self._where}: the scores of study {self.name} are not comparable: {'; '.join(changes[:3])}{more}. Name "
                "another study with --study, or none"
            )

    def _trial(self, stored: optuna.trial.FrozenTrial) -> Trial:
        record = {**stored.user_attrs, "point": stored.params}
        return schema.parse(Trial, record, f"{self._where}: trial {stored.number} of study {self.name}")

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except HwascError:
            raise
        except Exception as e:  # of any database's driver
            raise HwascError(
                f"{self._where}: does not answer ({_line(e)}); the run folder has all trials, so run the same command again"
            ) from None


def _name(origin: Mapping[str, Any]) -> str:
    return f"{origin['space']['name']}-{digest(origin, 8)}"


def _complete() -> optuna.trial.TrialState:
    from optuna.trial import TrialState

    return TrialState.COMPLETE


def _score(t: Trial) -> Score:
    return Score(
        t.score,
        t.seconds,
        accuracy=t.accuracy,
        float_accuracy=t.float_accuracy,
        standard_error=t.standard_error,
        value_error=t.score_error,
    )


def _line(error: Exception) -> str:
    """The first line of a driver's message, without a password that stands in it."""
    return without_password(str(error).strip().partition("\n")[0])[:200]
