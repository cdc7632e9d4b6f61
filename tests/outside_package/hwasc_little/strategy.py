"""Hill climbing: one choice of the best point so far is changed."""

from __future__ import annotations

import random
from typing import Any

from hwasc.nas.trial import Outcome


class Little:
    """Random points at the start, then neighbours of the best one."""

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        self.choices, self.population, self.rng = choices, population, random.Random(seed)
        self.asked: list[dict[str, Any]] = []
        self.best: tuple[float, dict[str, Any]] | None = None

    def ask(self) -> tuple[int, dict[str, Any]]:
        if self.best is None or len(self.asked) < self.population:
            point = {name: self.rng.choice(values) for name, values in self.choices.items()}
        else:
            name = self.rng.choice(list(self.choices))
            point = {**self.best[1], name: self.rng.choice(self.choices[name])}
        self.asked.append(point)
        return len(self.asked) - 1, dict(point)

    def tell(self, number: int, outcome: Outcome) -> None:
        if self.best is None or outcome.reward > self.best[0]:
            self.best = outcome.reward, self.asked[number]
