"""Local search around the Pareto front, its members mutated in one or two choices (as PAES, Knowles and Corne, 2000)."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hwasc.nas.trial import Outcome

TRIES = 50  # mutations before a front whose neighbourhood is used up is left by a random point


@dataclass(frozen=True)
class _Member:
    """A trained point of the front with what it reaches and costs."""

    point: dict[str, Any]
    score: float
    macs: int
    memory: int

    def covers(self, other: _Member) -> bool:
        """At least as good in everything."""
        return self.score >= other.score and self.macs <= other.macs and self.memory <= other.memory


class Local:
    """Random points at the start, then mutations of the front; while no point is feasible, of the least infeasible one."""

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        """See `Strategy`."""
        self._choices, self._population, self._rng = choices, population, random.Random(seed)
        self._free = [name for name, values in choices.items() if len(values) > 1]
        self._asked: list[dict[str, Any]] = []
        self._enqueued: deque[dict[str, Any]] = deque()
        self._seen: set[tuple[Any, ...]] = set()
        self._front: list[_Member] = []
        self._nearest: tuple[float, dict[str, Any]] | None = None  # the least violation, and where

    def enqueue(self, points: Sequence[dict[str, Any]]) -> None:
        """See `Enqueues`. The points count as points at the start."""
        self._enqueued.extend(points)

    def ask(self) -> tuple[int, dict[str, Any]]:
        """A new neighbour of the front where there is one."""
        if self._enqueued:
            point = dict(self._enqueued.popleft())
        else:
            point = self._random() if len(self._asked) < self._population else self._neighbour()
        self._asked.append(point)
        self._seen.add(tuple(point.values()))
        return len(self._asked) - 1, dict(point)

    def tell(self, number: int, outcome: Outcome) -> None:
        """See `Strategy`. A scored point stays on the front while no other is at least as good in everything."""
        point = self._asked[number]
        if outcome.violation > 0:
            if self._nearest is None or outcome.violation < self._nearest[0]:
                self._nearest = outcome.violation, point
        elif outcome.score is not None:
            new = _Member(point, outcome.score, outcome.macs, outcome.memory)
            if not any(m.covers(new) for m in self._front):
                self._front = [m for m in self._front if not new.covers(m)] + [new]

    def _random(self) -> dict[str, Any]:
        return {name: self._rng.choice(values) for name, values in self._choices.items()}

    def _neighbour(self) -> dict[str, Any]:
        for _ in range(TRIES):
            if self._front:
                parent = self._rng.choice(self._front).point
            elif self._nearest is not None:
                parent = self._nearest[1]
            else:
                break
            changed = self._rng.sample(self._free, min(self._rng.choice((1, 2)), len(self._free)))
            child = parent | {name: self._rng.choice(neighbours(self._choices[name], parent[name])) for name in changed}
            if tuple(child.values()) not in self._seen:
                return child
        return self._random()


def neighbours(values: list[Any], value: Any) -> list[Any]:
    """Values next to a value of a choice.

    Args:
        values: All values of the choice.
        value: One of them.

    Returns:
        Of numbers the next smaller and the next greater one; of anything else all others.
    """
    if not all(isinstance(v, (int, float)) for v in values):
        return [v for v in values if v != value]
    ordered = sorted(values)
    i = ordered.index(value)
    return [*ordered[max(i - 1, 0) : i], *ordered[i + 1 : i + 2]]
