"""The contract of every strategy, and that those which learn beat chance."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwasc.records.space import SearchSpace
from hwasc.search.declare import choices, contains, declare, random_point
from hwasc.search.strategies import NAMES, Strategy, create
from hwasc.search.trial import Outcome

SPACE = SearchSpace.load("small")


def toy(point: dict[str, Any]) -> Outcome:
    """Wider and more mels is better; four kinds of point are beyond the budget."""
    beyond = 1.0 if point["stem"] == 16 and point["mels"] == 64 else 0.0
    accuracy = point["stage3.width"] / 192 + point["mels"] / 160 + 0.05 * (point["stage1.kernel"] == 5)
    return Outcome(
        beyond, None if beyond else accuracy, 1000 * point["mels"] * point["stage3.width"], 100 * point["frames"]
    )


def play(strategy: Strategy, count: int) -> list[dict[str, Any]]:
    asked = []
    for _ in range(count):
        number, point = strategy.ask()
        strategy.tell(number, toy(point))
        asked.append(point)
    return asked


@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str) -> None:
    values = SPACE.choices()
    asked = play(create(name, SPACE, 6, 3), 40)
    for point in asked:
        assert set(point) == set(values)
        assert all(
            point[k] in values[k] and type(point[k]) is type(values[k][values[k].index(point[k])]) for k in values
        )
    assert play(create(name, SPACE, 6, 3), 40) == asked, "the same seed asks the same"
    assert play(create(name, SPACE, 6, 4), 40) != asked, "another seed asks otherwise"
    state = random.getstate()
    play(create(name, SPACE, 6, 3), 5)
    assert random.getstate() == state, "the global generator is left alone"


@pytest.mark.parametrize("name", NAMES)
def test_several_may_wait_and_be_told_in_any_order(name: str) -> None:
    strategy = create(name, SPACE, 4, 0)
    for _ in range(6):
        waiting = [strategy.ask() for _ in range(3)]
        for number, point in reversed(waiting):
            strategy.tell(number, toy(point))
    assert strategy.ask()[1]


@pytest.mark.parametrize("name", [n for n in NAMES if n != "random"])
def test_learning_beats_chance(name: str) -> None:
    """Mean reward of the last points asked, over five seeds: above random search's, and mostly within the budget."""

    def late(which: str) -> list[Outcome]:
        return [toy(p) for seed in range(5) for p in play(create(which, SPACE, 8, seed), 80)[-20:]]

    learned, chance = late(name), late("random")
    assert sum(o.reward for o in learned) / 100 > sum(o.reward for o in chance) / 100 + 0.1
    assert sum(o.violation for o in learned) < sum(o.violation for o in chance)


def test_the_space_is_declared_through_nni() -> None:
    declared, rng = declare(SPACE), random.Random(1)
    assert choices(declared) == {k: list(v) for k, v in SPACE.choices().items()}
    point = random_point(SPACE, rng)
    assert contains(declared, point)
    assert not contains(declared, {**point, "mels": 41})
    shrinking = {**point, "stage1.width": 32, "stage2.width": 24}
    assert SPACE.violations(shrinking) and not contains(declared, shrinking)
