"""Strategies: each gives points to try and learns from their outcomes. One class each, one contract test for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from hwasc.nas.trial import Outcome
from hwasc.parts import STRATEGIES
from hwasc.records.space import SearchSpace


class Strategy(Protocol):
    """Proposes points of a search space. A class without constructor arguments.

    A search calls `start` once, then `ask` and `tell`. Points may break the space's rules or repeat; the search answers such
    points at once, as infeasible or with the known score. Every draw follows from the seed; the global generators are left
    alone. A strategy that can learn from points which others propose has the method of `Enqueues`, too.
    """

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        """Begin a search anew.

        Args:
            choices: The values of every choice of the space, by name.
            population: Points of a generation, or random points at the start.
            seed: Of every draw.
        """
        ...

    def ask(self) -> tuple[int, dict[str, Any]]:
        """A number of the strategy's own, and a point: one value for every choice by name."""
        ...

    def tell(self, number: int, outcome: Outcome) -> None:
        """Learn what became of a point. Called once for every point, in any order.

        Args:
            number: The point's number.
            outcome: Its costs, and its score if it is feasible.
        """
        ...


@runtime_checkable
class Enqueues(Protocol):
    """A strategy that others can give points to: those of an earlier search, or such as are proposed by prediction."""

    def enqueue(self, points: Sequence[dict[str, Any]]) -> None:
        """Ask for these points next, before any of its own. It may be called at any time after `start`.

        Args:
            points: One value for every choice by name, each.
        """
        ...


def start(strategy: str | Strategy, space: SearchSpace, population: int, seed: int) -> Strategy:
    """A strategy at the beginning of a search.

    Args:
        strategy: A name, or an object.
        space: The choices; declared through nni.mutable.
        population: Points of a generation, or random points at the start.
        seed: Of every draw.

    Returns:
        The strategy, ready to be asked.

    Raises:
        UsageError: The name is unknown.
    """
    from hwasc.nas.declare import choices, declare

    started: Strategy = STRATEGIES.get(strategy)() if isinstance(strategy, str) else strategy
    started.start(choices(declare(space)), population, seed)
    return started
