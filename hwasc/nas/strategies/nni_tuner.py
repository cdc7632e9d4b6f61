"""NNI's tuners behind ask and tell: they want trial numbers, give numpy scalars, and maximise one number."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Any

from hwasc.nas.trial import Outcome


class NniStrategy(ABC):
    """Any in-process NNI tuner over categorical choices."""

    @abstractmethod
    def _tuner(self, choices: dict[str, list[Any]], population: int, seed: int) -> Any:
        """The tuner; arguments as in `Strategy.start`."""

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        """See `Strategy`."""
        logging.getLogger("nni").setLevel(logging.WARNING)  # NNI prints seeds and every repeated point
        self._started, self._choices = self._tuner(choices, population, seed), choices
        self._open: dict[int, dict[str, Any]] = {}
        self._asked = 0

    def ask(self) -> tuple[int, dict[str, Any]]:
        """The tuner's next parameters, as the space's own values."""
        number, self._asked = self._asked, self._asked + 1
        self._open[number] = raw = self._started.generate_parameters(number)
        return number, {name: _plain(raw[name]) for name in self._choices}

    def tell(self, number: int, outcome: Outcome) -> None:
        """See `Strategy`. The tuner gets one number to maximise."""
        self._started.receive_trial_result(number, self._open.pop(number), outcome.reward)


def search_space(choices: dict[str, list[Any]]) -> dict[str, Any]:
    """NNI's JSON form of categorical choices."""
    return {name: {"_type": "choice", "_value": values} for name, values in choices.items()}


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
