"""The contract of a search strategy.

from hwasc.testing.strategies import check_strategy

def test_my_strategy() -> None:
    check_strategy(MyStrategy)
"""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from hwasc.nas.strategies import Enqueues, Strategy
from hwasc.nas.trial import Outcome
from hwasc.records.space import SearchSpace


def check_strategy(make: Callable[[], Strategy]) -> None:
    """Check that a strategy fulfils its contract, on a small space with a toy score.

    Args:
        make: The class, called without arguments.

    Raises:
        AssertionError: Describes the first violation.
    """
    values = {name: list(v) for name, v in SearchSpace.load("small").choices().items()}
    strategy = _started(make(), values, seed=3)
    points = play(strategy, 40)
    for point in points:
        assert set(point) == set(values), f"a point has the names {sorted(point)}, the space has {sorted(values)}"
        for name, value in point.items():
            known = values[name]
            assert value in known, f"{name}: {value!r} is none of {known}"
            assert type(value) is type(known[known.index(value)]), (
                f"{name}: {type(value).__name__} is another type than given"
            )
    assert play(_started(make(), values, seed=3), 40) == points, "the same seed proposes other points"
    assert play(_started(strategy, values, seed=3), 40) == points, (
        "start must reset the strategy: after a second start other points follow"
    )
    assert play(_started(make(), values, seed=4), 40) != points, "another seed proposes the same points"
    before = _global_states()
    play(_started(make(), values, seed=3), 5)
    assert _global_states() == before, "it draws from Python's or numpy's global generator"
    _check_waiting(make, values)
    _check_enqueued(make, values, play(_started(make(), values, seed=9), 3))


def _check_waiting(make: Callable[[], Strategy], values: dict[str, list[Any]]) -> None:
    """Several points may wait for their outcomes, which come in any order; each point has its own number."""
    strategy = _started(make(), values, seed=0, population=4)
    for _ in range(6):
        waiting = [strategy.ask() for _ in range(3)]
        assert len({number for number, _ in waiting}) == 3, "two points that wait have the same number"
        for number, point in reversed(waiting):
            strategy.tell(number, toy(point))
    assert strategy.ask()[1], "no point follows after outcomes in another order"


def _check_enqueued(make: Callable[[], Strategy], values: dict[str, list[Any]], points: list[dict[str, Any]]) -> None:
    """A strategy that can be given points asks for them next, at the start and later, and start forgets them."""
    strategy = _started(make(), values, seed=3)
    if not isinstance(strategy, Enqueues):
        return
    strategy.enqueue(points)
    assert play(strategy, 8)[: len(points)] == points, "the points that were enqueued are not asked for first"
    for point in points:  # one at a time, as those that are proposed by prediction
        strategy.enqueue([point])
        assert play(strategy, 3)[0] == point, "a point that was enqueued later is not asked for next"
    strategy.enqueue(points)
    assert play(_started(strategy, values, seed=3), 5) == play(_started(make(), values, seed=3), 5), (
        "start must forget points that were enqueued"
    )


def _global_states() -> bytes:
    """The states of the generators that a strategy must not use."""
    return pickle.dumps((random.getstate(), np.random.get_state()))


def _started(strategy: Strategy, values: dict[str, list[Any]], *, seed: int, population: int = 6) -> Strategy:
    """The strategy at the beginning of a search."""
    strategy.start({name: list(v) for name, v in values.items()}, population, seed)
    return strategy


def play(strategy: Strategy, count: int) -> list[dict[str, Any]]:
    """Ask a strategy for points and tell it the toy score of each immediately.

    Args:
        strategy: Started on the space `small`.
        count: How many points.

    Returns:
        The points in their order.
    """
    points = []
    for _ in range(count):
        number, point = strategy.ask()
        points.append(dict(point))
        strategy.tell(number, toy(point))
    return points


def toy(point: dict[str, Any]) -> Outcome:
    """A toy score: it rises with width and mels; points with 16 stem channels and 64 mels do not meet the budget."""
    violation = 1.0 if point["stem"] == 16 and point["mels"] == 64 else 0.0
    score = point["stage3.width"] / 192 + point["mels"] / 160 + 0.05 * (point["stage1.kernel"] == 5)
    macs = 1000 * point["mels"] * point["stage3.width"]
    return Outcome(violation, None if violation else score, macs, 100 * point["frames"])
