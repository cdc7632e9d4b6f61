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

from hwasc.nas.strategies import Strategy
from hwasc.nas.trial import Outcome
from hwasc.records.space import SearchSpace


def check_strategy(make: Callable[[], Strategy]) -> None:
    """Hold a strategy against its contract, on a small space with a toy score.

    Args:
        make: The class, called without arguments.

    Raises:
        AssertionError: The first thing that does not hold, in words.
    """
    values = {name: list(v) for name, v in SearchSpace.load("small").choices().items()}
    strategy = _started(make(), values, seed=3)
    asked = play(strategy, 40)
    for point in asked:
        assert set(point) == set(values), f"a point has the names {sorted(point)}, the space has {sorted(values)}"
        for name, value in point.items():
            known = values[name]
            assert value in known, f"{name}: {value!r} is none of {known}"
            assert type(value) is type(known[known.index(value)]), (
                f"{name}: {type(value).__name__} is another type than given"
            )
    assert play(_started(make(), values, seed=3), 40) == asked, "the same seed asks for other points"
    assert play(_started(strategy, values, seed=3), 40) == asked, "start does not begin anew: other points follow"
    assert play(_started(make(), values, seed=4), 40) != asked, "another seed asks for the same points"
    before = _global_states()
    play(_started(make(), values, seed=3), 5)
    assert _global_states() == before, "it draws from Python's or numpy's global generator"
    _check_waiting(make, values)


def _check_waiting(make: Callable[[], Strategy], values: dict[str, list[Any]]) -> None:
    """Several points may wait for their outcomes, which come in any order, each under a number of its own."""
    strategy = _started(make(), values, seed=0, population=4)
    for _ in range(6):
        waiting = [strategy.ask() for _ in range(3)]
        assert len({number for number, _ in waiting}) == 3, "two points that wait have the same number"
        for number, point in reversed(waiting):
            strategy.tell(number, toy(point))
    assert strategy.ask()[1], "no point follows after outcomes in another order"


def _global_states() -> bytes:
    """Of the generators that a strategy leaves alone."""
    return pickle.dumps((random.getstate(), np.random.get_state()))


def _started(strategy: Strategy, values: dict[str, list[Any]], *, seed: int, population: int = 6) -> Strategy:
    """The strategy at the beginning of a search."""
    strategy.start({name: list(v) for name, v in values.items()}, population, seed)
    return strategy


def play(strategy: Strategy, count: int) -> list[dict[str, Any]]:
    """Ask for points and answer each at once with the toy score.

    Args:
        strategy: Started on the space `small`.
        count: How many points.

    Returns:
        The points in their order.
    """
    asked = []
    for _ in range(count):
        number, point = strategy.ask()
        asked.append(dict(point))
        strategy.tell(number, toy(point))
    return asked


def toy(point: dict[str, Any]) -> Outcome:
    """Wider and more mels is better; four kinds of point are beyond the budget."""
    beyond = 1.0 if point["stem"] == 16 and point["mels"] == 64 else 0.0
    score = point["stage3.width"] / 192 + point["mels"] / 160 + 0.05 * (point["stage1.kernel"] == 5)
    macs = 1000 * point["mels"] * point["stage3.width"]
    return Outcome(beyond, None if beyond else score, macs, 100 * point["frames"])
