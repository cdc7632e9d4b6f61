"""Candidates that are proposed by prediction: children of the best, of which most is expected."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hwasc.cost.limits import ResolvedBudget
from hwasc.nas.guided import MUTATIONS, children
from hwasc.nas.job import Proposal
from hwasc.nas.problem import Problem
from hwasc.nas.strategies import start
from hwasc.nas.strategies.local import neighbours
from hwasc.nas.study import Journal, Study
from hwasc.nas.trial import Trial
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
    strategy: str = "nsga2",
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


@pytest.mark.parametrize("dismiss", [2.0, None])
def test_a_search_that_was_stopped_proposes_the_same_again(dismiss: float | None, tmp_path: Path) -> None:
    whole = searched(tmp_path / "whole", 0.5, Scorer(true_score), dismiss=dismiss, count=70)
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path / "parts", 0.5, Scorer(true_score, limit=67), dismiss=dismiss, count=70)
    rest = Scorer(true_score)
    assert searched(tmp_path / "parts", 0.5, rest, dismiss=dismiss, count=70) == whole and rest.count == 3
