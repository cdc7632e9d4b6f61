"""The importance of choices: it finds what the scores follow, and says nothing of few trials."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest

from hwasc.nas.declare import random_point
from hwasc.nas.importance import ABSENT, MIN_TRIALS, effective, importances
from hwasc.nas.trial import Trial
from hwasc.records.space import SearchSpace

SPACE = SearchSpace.load("small")


def trials(count: int, score: Any) -> list[Trial]:
    rng = random.Random(0)
    zero = Trial(
        number=0, id="", point={}, accuracy=0.5, float_accuracy=None, standard_error=0.1, parameters=1, macs=1, memory=1,
        weights=1, seconds=1.0, proposed=1, seed=0, score=0.5, score_error=0.1,
    )  # fmt: skip
    points = [random_point(SPACE, rng) for _ in range(count)]
    return [dataclasses.replace(zero, number=i, point=p, score=score(p, rng)) for i, p in enumerate(points)]


def test_what_scores_follow_comes_first() -> None:
    def score(point: dict[str, Any], rng: random.Random) -> float:
        return 0.3 + 0.2 * (point["stage2.kernel"] == 5) + 0.1 * (point["mels"] == 64) + rng.gauss(0, 0.01)

    found = trials(80, score)
    shares = importances(SPACE.choices(), found)
    assert list(shares)[:2] == ["stage2.kernel", "mels"] and shares["stage2.kernel"] > 2 * shares["mels"]
    assert 0.8 < sum(shares.values()) <= 1 + 1e-9, "the scores are a sum, so that little is left for combinations"
    assert shares == importances(SPACE.choices(), found)
    assert set(shares) == {name for name, values in SPACE.choices().items() if len(values) > 1}


@pytest.mark.parametrize(("count", "spread"), [(MIN_TRIALS - 1, 0.1), (MIN_TRIALS, 0.0)])
def test_too_few_or_equal_scores_have_no_importances(count: int, spread: float) -> None:
    assert importances(SPACE.choices(), trials(count, lambda _, rng: 0.5 + spread * rng.random())) == {}


def test_choices_without_effect_are_absent() -> None:
    point = {
        "grn_at": "sum",
        "stage1.depth": 0,
        "stage1.width": 8,
        "stage1.grn": "scalar",
        "stage2.depth": 1,
        "stage2.grn": "none",
    }
    shown = effective(point)
    assert shown == {**point, "stage1.grn": ABSENT, "grn_at": ABSENT}
    assert effective({**point, "stage2.grn": "scalar"})["grn_at"] == "sum"
