"""The trials of a search as an Optuna study in a database: a dashboard shows them while it runs, equal searches share scores.

A score is taken from the study only where everything it follows from is the same. So no result depends on the database: a search
gives the same trials with it and without, in another time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hwasc.errors import HwascError, UsageError
from hwasc.nas.predictor import Choices
from hwasc.nas.trial import Trial
from hwasc.records import schema
from hwasc.records.run import differences, without_password
from hwasc.records.schema import digest

if TYPE_CHECKING:
    import optuna

ORIGIN = "hwasc"  # attribute of the study: what its scores follow from


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


def _line(error: Exception) -> str:
    """The first line of a driver's message, without a password that stands in it."""
    return without_password(str(error).strip().partition("\n")[0])[:200]
