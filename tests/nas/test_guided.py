"""Candidates that are proposed by prediction: children of the best and of the front, of which most is expected."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwasc.cost.limits import ResolvedBudget
from hwasc.errors import UsageError
from hwasc.nas.guided import MUTATIONS, PARENTS, Parent, best, children, front
from hwasc.nas.job import Proposal
from hwasc.nas.problem import Problem
from hwasc.nas.strategies import Strategy, start
from hwasc.nas.strategies.local import neighbours
from hwasc.nas.study import Journal, Study
from hwasc.nas.trial import Outcome, Trial, pareto
from hwasc.records.space import SearchSpace
from tests.nas.scored import Scorer

SPACE = SearchSpace.load("small")
BUDGET = ResolvedBudget(name="test", limits={"macs.torchinfo": 3_000_000, "int8_memory.activations": 40_000})
PROBLEM = Problem(space=SPACE, budget=BUDGET, classes=10)
CHOICES = SPACE.choices()


def true_score(proposal: Proposal) -> float:
    """Rises with MACs and with a narrow stem; the rest is noise."""
    costs = BUDGET.count(proposal.architecture)
    noise = int(proposal.architecture.id[:4], 16) / 16**4
    return math.exp(
        0.3 * math.log(costs.macs.torchinfo / 3e6) - 0.3 * (proposal.point["stem"] == 16) + 0.05 * noise - 1
    )


def searched(
    folder: Path,
    guided: float,
    scorer: Scorer,
    *,
    strategy: str | Strategy = "nsga2",
    dismiss: float | None = 2.0,
    count: int = 100,
) -> list[Trial]:
    folder.mkdir(exist_ok=True)
    journal = Journal(folder / "trials.jsonl")
    study = Study(PROBLEM, start(strategy, SPACE, 20, 3), journal, seed=3, dismiss=dismiss, guided=guided)
    return study.run(count, 10, scorer, lambda trial: None)


def test_a_child_has_its_parents_values_but_for_a_few_neighbouring_ones() -> None:
    rng = random.Random(0)
    parents = [{name: rng.choice(list(values)) for name, values in CHOICES.items()} for _ in range(3)]
    seen = list(children(CHOICES, parents, 400, rng))
    assert len(seen) == 400
    for child in seen:
        assert list(child) == list(CHOICES)
        changed = []
        for one in parents:
            for other in parents:
                new = [name for name in CHOICES if child[name] not in (one[name], other[name])]
                if all(child[n] in [v for p in (one, other) for v in neighbours(list(CHOICES[n]), p[n])] for n in new):
                    changed.append(len(new))
        assert min(changed) <= max(MUTATIONS)
    assert list(children(CHOICES, parents, 5, random.Random(1))) == list(
        children(CHOICES, parents, 5, random.Random(1))
    )


def test_a_choice_with_one_value_stays() -> None:
    assert list(children({"a": [1], "b": ["x"]}, [{"a": 1, "b": "x"}], 2, random.Random(0))) == [{"a": 1, "b": "x"}] * 2


@pytest.mark.parametrize("strategy", ["nsga2", "random"])
def test_prediction_finds_better_nets_within_the_budget(strategy: str, tmp_path: Path) -> None:
    alone = searched(tmp_path / "alone", 0.0, Scorer(true_score), strategy=strategy)
    trials = searched(tmp_path / "guided", 0.5, Scorer(true_score), strategy=strategy)
    assert trials[:50] == alone[:50], "nothing is predicted before there are fifty scores"
    assert len({t.id for t in trials}) == len(trials) == 100
    assert all(BUDGET.feasible(PROBLEM.costs(t.point)) and not SPACE.violations(t.point) for t in trials)

    def top(found: list[Trial]) -> float:
        return float(np.mean(sorted(t.score for t in found)[-10:]))

    assert top(trials) > top(alone)


def test_a_whole_group_is_proposed_by_prediction_and_a_third_of_it_has_one_size(tmp_path: Path) -> None:
    trials = searched(tmp_path, 1.0, Scorer(true_score), count=80)
    for begin in range(50, 80, 10):  # groups of ten
        sizes = Counter((t.point["mels"], t.point["frames"]) for t in trials[begin : begin + 10])
        assert max(sizes.values()) <= 4
        assert np.mean([t.score for t in trials[begin : begin + 10]]) > np.mean([t.score for t in trials[:50]])


def test_one_half_is_expected_to_be_best_and_the_other_to_surpass_the_front_at_its_cost(tmp_path: Path) -> None:
    trials = searched(tmp_path, 1.0, Scorer(true_score), count=100)
    by_score = [t for i in range(50, 100, 10) for t in trials[i : i + 5]]  # groups of ten
    by_gain = [t for i in range(55, 105, 10) for t in trials[i : i + 5]]
    assert np.mean([t.score for t in by_score]) > np.mean([t.score for t in by_gain])
    assert np.median([t.macs for t in by_score]) > 1.5 * np.median([t.macs for t in by_gain])
    ahead = {t.id for t in pareto(trials[:50])}
    surpassed = [
        t for t in by_gain if any(t.score > o.score and t.macs <= o.macs for o in trials[:50] if o.id in ahead)
    ]
    assert len(surpassed) > len(by_gain) / 2


class Recorder:
    """A strategy that records what it is told; all that it does it leaves to another one."""

    def __init__(self) -> None:
        self.inner, self.points, self.outcomes = start("nsga2", SPACE, 20, 3), dict[int, Any](), list[Any]()

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        pass

    def enqueue(self, points: list[dict[str, Any]]) -> None:
        self.inner.enqueue(points)  # type: ignore[attr-defined]

    def ask(self) -> tuple[int, dict[str, Any]]:
        number, point = self.inner.ask()
        self.points[number] = point
        return number, point

    def tell(self, number: int, outcome: Outcome) -> None:
        self.outcomes.append((self.points.pop(number), outcome))
        self.inner.tell(number, outcome)


def test_the_strategy_is_told_of_every_candidate_once(tmp_path: Path) -> None:
    recorder = Recorder()
    trials = searched(tmp_path, 0.5, Scorer(true_score), strategy=start(recorder, SPACE, 20, 3))
    assert recorder.points == {}, "what it asked for and was not told of"
    costs = {tuple(t.point.items()): (t.macs, t.memory) for t in trials}
    told = [(tuple(point.items()), outcome) for point, outcome in recorder.outcomes if outcome.score is not None]
    assert {point for point, _ in told} >= set(costs)
    assert all((outcome.macs, outcome.memory) == costs[point] for point, outcome in told if point in costs)


class Forgetful(Recorder):
    """Forgets the points that it is given."""

    def enqueue(self, points: list[dict[str, Any]]) -> None:
        pass


def test_a_strategy_that_forgets_what_it_is_given_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="strategy Forgetful has `enqueue`"):
        searched(tmp_path, 0.5, Scorer(true_score), strategy=Forgetful())


def parent(score: float, macs: int, memory: int, mels: int = 64) -> Parent:
    return Parent(point={"mels": mels, "frames": 33}, score=score, macs=macs, memory=memory)


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=12))
def test_the_front_is_what_nothing_dominates(values: list[tuple[int, int, int]]) -> None:
    scored = [parent(score / 4, macs, memory) for score, macs, memory in values]
    kept = [
        (s, m, b)
        for s, m, b in values
        if not any(s2 >= s and m2 <= m and b2 <= b and (s2, m2, b2) != (s, m, b) for s2, m2, b2 in values)
    ]
    assert sorted((round(4 * p.score), p.macs, p.memory) for p in front(scored)) == sorted(kept)


def test_the_best_are_of_several_sizes() -> None:
    scored = [parent(i / 100, 1, 1, mels=(64 if i > 9 else 128)) for i in range(60)]
    assert len(best(scored)) == PARENTS
    assert Counter(p.point["mels"] for p in best(scored))[128] == 7, "all others are better, but a third is the most"


@pytest.mark.parametrize("dismiss", [2.0, None])
def test_a_search_that_was_stopped_proposes_the_same_again(dismiss: float | None, tmp_path: Path) -> None:
    whole = searched(tmp_path / "whole", 0.5, Scorer(true_score), dismiss=dismiss, count=70)
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path / "parts", 0.5, Scorer(true_score, limit=67), dismiss=dismiss, count=70)
    rest = Scorer(true_score)
    assert searched(tmp_path / "parts", 0.5, rest, dismiss=dismiss, count=70) == whole and rest.count == 3
