"""Strategies that learn beat chance, and local search stays beside the front. Their contract: `tests/testing`."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwasc.nas.declare import choices, contains, declare, random_point
from hwasc.nas.strategies import start
from hwasc.nas.strategies.local import Local, neighbours
from hwasc.nas.trial import Outcome
from hwasc.parts import STRATEGIES
from hwasc.records.space import SearchSpace
from hwasc.testing.strategies import play, toy

SPACE = SearchSpace.load("small")


@pytest.mark.parametrize("name", [n for n in STRATEGIES.names() if n != "random"])
def test_learning_beats_chance(name: str) -> None:
    """Mean reward of the last points asked, over five seeds: above random search's, and mostly within the budget."""

    def late(which: str) -> list[Outcome]:
        return [toy(p) for seed in range(5) for p in play(start(which, SPACE, 8, seed), 80)[-20:]]

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


def test_neighbours_of_numbers_are_next_to_them() -> None:
    assert neighbours([40, 16, 24], 24) == [16, 40] and neighbours([1.5, 2, 3], 1.5) == [2]
    assert neighbours(["1x1", "2x1", "2x2"], "2x1") == ["1x1", "2x2"]


def changes(a: dict[str, Any], b: dict[str, Any]) -> set[str]:
    return {name for name in a if a[name] != b[name]}


def test_local_starts_at_random_and_then_stays_beside_the_front() -> None:
    values = {"width": [1, 2, 3, 4, 5], "kernel": [3, 5], "grn": ["none", "scalar", "channel"], "fixed": [7]}
    strategy = Local()
    strategy.start(values, 3, 0)
    first = [strategy.ask() for _ in range(3)]
    for number, _ in first:
        strategy.tell(number, Outcome(2.0 + number, None, 10, 10))
    number, point = strategy.ask()
    assert 1 <= len(changes(point, first[0][1])) <= 2, "nothing is feasible yet: beside the least violation"
    front = [
        {"width": 3, "kernel": 3, "grn": "none", "fixed": 7},
        {"width": 5, "kernel": 5, "grn": "channel", "fixed": 7},
    ]
    strategy._asked += [*front, {**front[0], "grn": "scalar"}]
    for number, outcome in ((4, (0.5, 10, 10)), (5, (0.6, 20, 10)), (6, (0.4, 11, 10))):  # the last is covered
        strategy.tell(number, Outcome(0.0, *outcome))
    strategy.tell(3, Outcome(0.0, None, 1, 1))  # untrained, for it waits elsewhere: says nothing
    parents = set()
    for _ in range(20):
        _, point = strategy.ask()
        near = [i for i, member in enumerate(front) if 1 <= len(changes(point, member)) <= 2
                and abs(point["width"] - member["width"]) <= 1]  # fmt: skip
        assert near
        parents.update(near if len(near) == 1 else ())
    assert parents == {0, 1}, "every member of the front has its turn"


def test_local_leaves_a_neighbourhood_that_is_used_up() -> None:
    strategy = Local()
    strategy.start({"width": [1, 2, 3, 4, 5, 6, 7, 8]}, 1, 0)
    asked = []
    for _ in range(60):
        number, point = strategy.ask()
        strategy.tell(number, Outcome(0.0, 0.9 if point["width"] == 8 else 0.1, 10, 10))
        asked.append(point["width"])
    assert set(asked) == set(range(1, 9)), "no local optimum holds it for ever"


def test_nsga2_proposes_what_optunas_own_sampler_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generations and parents are kept up to date instead of gathered from all trials at every ask."""
    from optuna.samplers import NSGAIISampler

    from hwasc.nas.strategies import nsga2

    kept = play(start("nsga2", SPACE, 8, 3), 150)
    for name in ("get_trial_generation", "get_parent_population"):
        monkeypatch.setattr(nsga2._Sampler, name, getattr(NSGAIISampler, name))
    assert play(start("nsga2", SPACE, 8, 3), 150) == kept


def test_the_work_of_nsga2_does_not_grow_with_the_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    from optuna.study import Study

    seen: list[int] = []
    gather = Study._get_trials

    def counted(self: Study, *arguments: Any, **named: Any) -> Any:
        found = gather(self, *arguments, **named)
        seen.append(len(found))
        return found

    monkeypatch.setattr(Study, "_get_trials", counted)
    play(start("nsga2", SPACE, 8, 3), 160)
    assert len(seen) <= 3 * 160 / 8, "all trials are looked through once a generation, not once an ask"
