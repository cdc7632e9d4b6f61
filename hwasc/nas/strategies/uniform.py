"""Random search: the baseline that every other strategy has to beat."""

from __future__ import annotations

import random
from typing import Any

from hwasc.nas.trial import Outcome


class Uniform:
    """Independent uniform draws; there is no population."""

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        """See `Strategy`."""
        self._choices, self._rng, self._asked = choices, random.Random(seed), 0

    def ask(self) -> tuple[int, dict[str, Any]]:
        """A point drawn uniformly."""
        self._asked += 1
        return self._asked, {name: self._rng.choice(values) for name, values in self._choices.items()}

    def tell(self, number: int, outcome: Outcome) -> None:
        """See `Strategy`. Nothing is learned."""
