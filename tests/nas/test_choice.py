"""The winner among scored candidates: the best, a cheaper one within its error, or one that is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwasc.errors import UsageError
from hwasc.nas.choice import Choice, choose
from hwasc.nas.trial import Trial


def trial(number: int, score: float, **costs: Any) -> Trial:
    return Trial(
        number=number, id=str(number), point={}, accuracy=score, float_accuracy=None, standard_error=0.02, weights=1,
        seconds=1.0, proposed=number, seed=0, score=score, score_error=0.02,
        **{"macs": 100, "memory": 100, "parameters": 100, **costs},
    )  # fmt: skip


def winner(trials: list[Trial], **choice: Any) -> int:
    return choose(Choice(**choice), trials=trials, rescored=[], refined=[]).trial.number


def test_a_cheaper_one_wins_only_within_the_error_of_the_best() -> None:
    trials = [trial(0, 0.80, memory=90), trial(1, 0.79, memory=50, macs=200), trial(2, 0.77, memory=10, macs=10)]
    assert winner(trials) == 0
    assert winner(trials, prefer="memory") == 1, "0.77 is more than 0.02 below 0.80"
    assert winner(trials, prefer="macs") == 0
    assert winner([*trials, trial(3, 0.785, memory=50)], prefer="memory") == 1, "of equal costs the higher score"


def test_a_named_trial_wins_with_its_second_score_if_it_has_one() -> None:
    first = [trial(0, 0.8), trial(1, 0.7), trial(2, 0.6)]
    second = [trial(0, 0.85), trial(1, 0.9)]
    by_score = choose(Choice(), trials=first, rescored=second, refined=[])
    assert (by_score.trial, by_score.proxy, by_score.how) == (second[1], "distillation", "accuracy")
    named = choose(Choice(pick=2), trials=first, rescored=second, refined=[])
    assert (named.trial, named.proxy, named.how) == (first[2], None, "pick")
    assert choose(Choice(pick=0), trials=first, rescored=second, refined=[]).trial == second[0]
    with pytest.raises(UsageError, match="no trial 7; this search has the trials 0 to 2"):
        choose(Choice(pick=7), trials=first, rescored=second, refined=[])


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=9))
def test_no_candidate_within_the_error_costs_less(drawn: list[tuple[int, int]]) -> None:
    trials = [trial(i, score / 100, macs=macs) for i, (score, macs) in enumerate(drawn)]
    chosen = next(t for t in trials if t.number == winner(trials, prefer="macs"))
    top = max(t.score for t in trials)
    assert chosen.score >= top - 0.02
    assert chosen.macs == min(t.macs for t in trials if t.score >= top - 0.02)
