"""Hopeless candidates are dismissed: by what is expected of them, against scored ones that cost no more."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwasc.cost.limits import ResolvedBudget
from hwasc.nas.job import Proposal
from hwasc.nas.predictor import Prediction
from hwasc.nas.problem import Problem
from hwasc.nas.screening import Unscored, hopeless
from hwasc.nas.strategies import start
from hwasc.nas.study import Journal, Study
from hwasc.nas.trial import Outcome, Trial, pareto
from hwasc.records.space import SearchSpace
from tests.nas.scored import Scorer

CHOICES = {"width": (8, 16)}
CANDIDATE = Unscored(point={"width": 8}, parameters=1_000, macs=2_000_000, memory=20_000)
SPACE = SearchSpace.load("small")
PROBLEM = Problem(
    space=SPACE,
    budget=ResolvedBudget(name="test", limits={"macs.torchinfo": 3_000_000, "int8_memory.activations": 40_000}),
    classes=10,
)


def expecting(score: float, deviation: float) -> Prediction:
    """A prediction that is the same for every candidate."""
    return Prediction(
        choices=CHOICES, slopes=np.zeros(4), centre=np.zeros(4), level=math.log(score), deviation=deviation
    )


def scored(score: float, macs: int = 2_000_000, memory: int = 20_000) -> Outcome:
    return Outcome(0.0, score, macs, memory)


def test_only_a_scored_one_that_costs_no_more_makes_a_candidate_hopeless() -> None:
    expected = expecting(0.4, 0.1)
    found = hopeless(CANDIDATE, prediction=expected, scored=[scored(0.6)], deviations=2)
    assert found == pytest.approx(0.4)
    for cheaper in (replace(CANDIDATE, macs=1_999_999), replace(CANDIDATE, memory=19_999)):
        assert hopeless(cheaper, prediction=expected, scored=[scored(0.6)], deviations=2) is None
    assert hopeless(CANDIDATE, prediction=expected, scored=[], deviations=2) is None
    unscored = Outcome(0.5, None, 1_000, 1_000)
    assert hopeless(CANDIDATE, prediction=expected, scored=[unscored], deviations=2) is None


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.0, 0.5), st.floats(0, 4))
def test_the_margin_counts_in_deviations_of_the_logarithm(
    expected: float, rival: float, deviation: float, deviations: float
) -> None:
    found = hopeless(
        CANDIDATE, prediction=expecting(expected, deviation), scored=[scored(rival)], deviations=deviations
    )
    assert (found is not None) == (math.log(expected) + deviations * deviation < math.log(rival))


def true_score(proposal: Proposal) -> float:
    costs = PROBLEM.budget.count(proposal.architecture)
    noise = int(proposal.architecture.id[:4], 16) / 16**4
    return 0.05 * math.log(costs.macs.torchinfo) - 0.1 * (proposal.point["stem"] == 16) + 0.01 * noise


def searched(folder: Path, dismiss: float | None, scorer: Scorer, count: int = 120) -> tuple[Study, list[Trial]]:
    study = Study(PROBLEM, start("random", SPACE, 20, 3), Journal(folder / "trials.jsonl"), seed=3, dismiss=dismiss)
    return study, study.run(count, 10, scorer, lambda trial: None)


def test_a_study_dismisses_the_hopeless_and_scores_better_ones_instead(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "some").mkdir()
    everyone, all_trials = searched(tmp_path / "all", None, Scorer(true_score))
    study, trials = searched(tmp_path / "some", 2.0, Scorer(true_score))
    assert everyone.dismissed == 0 < study.dismissed
    assert trials[:50] == all_trials[:50], "nothing is predicted before there are fifty scores"
    assert np.mean([t.score for t in trials[50:]]) > np.mean([t.score for t in all_trials[50:]]) + 0.01
    kept = {t.id for t in trials}
    assert {t.id for t in pareto(all_trials)} & {t.id for t in all_trials[:60]} <= kept


def test_a_search_that_was_stopped_dismisses_the_same_again(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole, trials = searched(tmp_path / "whole", 2.0, Scorer(true_score))
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path / "parts", 2.0, Scorer(true_score, limit=77))
    resumed, again = searched(tmp_path / "parts", 2.0, Scorer(true_score))
    assert again == trials and resumed.dismissed == whole.dismissed
