"""Scores by location against the same figures computed clip by clip, by brute force, and by simulation."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hwasc.nas import location_scores
from hwasc.nas.choice import Choice, choose, optimism
from hwasc.nas.location_scores import LocationScore
from hwasc.nas.trial import Refined, Trial
from hwasc.records import schema
from hwasc.training.metrics import macro_accuracy
from tests.nas.test_choice import trial

Scores = list[LocationScore]


def drawn(seed: int, *, places: int = 12, folds: int = 4, shift: float = 0.0, common: float = 1.0) -> Scores:
    """A candidate; the effect of the place is common to all candidates of one `seed // 1000`."""
    shared, own = np.random.default_rng(seed // 1000), np.random.default_rng(seed)
    out = []
    for place in range(places):
        clips, effect = int(shared.integers(3, 9)), common * shared.normal()
        right = int(own.binomial(clips, 1 / (1 + math.exp(-effect))))
        out.append(
            LocationScore(
                fold=place % folds,
                location=f"p{place}",
                scene="abc"[place % 3],
                clips=clips,
                right=right,
                loss=clips * (1 + 0.1 * effect + shift + 0.01 * own.normal()),
            )
        )
    return out


def test_accuracy_is_that_over_clips() -> None:
    scores = drawn(3)
    right = np.concatenate([[1] * s.right + [0] * (s.clips - s.right) for s in scores])
    labels = np.concatenate([["abc".index(s.scene)] * s.clips for s in scores])
    predicted = torch.from_numpy(np.where(right, labels, 3))
    expected = macro_accuracy(predicted, torch.from_numpy(labels), 4)
    assert location_scores.accuracy(scores) == pytest.approx(expected)
    assert location_scores.loss(scores) == pytest.approx(sum(s.loss for s in scores) / len(right))


@pytest.mark.parametrize("figure", ["accuracy", "loss"])
def test_errors_are_those_of_other_places(figure: str) -> None:
    """The spread of a figure over many draws of places is the error that a single draw states."""
    value, error = getattr(location_scores, figure), getattr(location_scores, f"{figure}_error")
    draws = [drawn(1000 * i, places=60) for i in range(300)]
    spread = np.std([value(d) for d in draws])
    assert np.sqrt(np.mean([error(d) ** 2 for d in draws])) == pytest.approx(spread, rel=0.12)


def test_a_difference_has_a_smaller_error_than_its_parts() -> None:
    first, second = drawn(1001, places=60, common=2), drawn(1002, places=60, common=2)
    assert location_scores.accuracy_error(first, first) == 0 == location_scores.loss_error(first, first)
    assert location_scores.loss_error(first, second) < 0.3 * location_scores.loss_error(first)
    paired, single = location_scores.accuracy_error(first, second), location_scores.accuracy_error(first)
    assert paired is not None and single is not None and paired < single


def test_one_location_of_a_scene_has_no_error() -> None:
    alone = drawn(5)[:1]
    assert location_scores.accuracy_error(alone) is None and math.isinf(location_scores.loss_error(alone))


def test_only_candidates_within_the_paired_error_are_as_good() -> None:
    near, far = drawn(1002, shift=0.0005), drawn(1003, shift=0.2)
    assert location_scores.as_good([far, drawn(1001), near]) in ([1, 2], [2], [1])
    assert 0 not in location_scores.as_good([far, drawn(1001), near])


def test_ties_go_to_the_cheaper_net_unless_accuracy_is_preferred() -> None:
    parts = [drawn(1001), drawn(1002, shift=0.0005), drawn(1003, shift=0.2)]
    scored = [
        trial(i, math.exp(-location_scores.loss(p)), macs=300 - 100 * i, memory=100 + i, locations=tuple(p))
        for i, p in enumerate(parts)
    ]
    top = max(scored, key=lambda t: t.score)
    equal = location_scores.as_good(parts)
    cheapest = min((scored[i] for i in equal), key=lambda t: t.macs)
    chosen = choose(Choice(), trials=scored, rescored=scored, refined=[])
    assert (chosen.trial, chosen.how) == (cheapest, "macs")
    assert choose(Choice(prefer="accuracy"), trials=scored, rescored=scored, refined=[]).trial == top
    smallest = min((scored[i] for i in equal), key=lambda t: t.memory)
    assert choose(Choice(prefer="memory"), trials=scored, rescored=scored, refined=[]).trial == smallest


def test_where_nets_are_refined_the_best_score_wins_with_its_refined_net() -> None:
    """Ties go to the cheaper net by default, but a refined net is to use the budget."""
    parts = [drawn(1001), drawn(1001)]
    scored = [
        trial(i, math.exp(-location_scores.loss(p)), macs=200 - 100 * i, locations=tuple(p))
        for i, p in enumerate(parts)
    ]
    scored[0] = replace(scored[0], score=scored[0].score + 1e-9)
    assert choose(Choice(), trials=scored, rescored=scored, refined=[]).trial == scored[1]

    def refined(number: int, gain: float) -> Refined:
        fields = {f.name: getattr(scored[number], f.name, None) for f in dataclasses.fields(Refined)}
        return Refined(**{**fields, "number": number, "before_score": 0.5, "score": 0.5 + gain})  # type: ignore[arg-type]

    for nets, expected in (([refined(0, 0.1)], 0), ([refined(0, -0.1)], None), ([refined(1, 0.1)], None)):
        chosen = choose(Choice(), trials=scored, rescored=scored, refined=nets)
        assert chosen.trial == scored[0] and chosen.how == "accuracy"
        assert (chosen.refined.number if chosen.refined else None) == expected


def test_a_score_on_validation_clips_is_written_without_locations() -> None:
    assert "locations" not in schema.plain(trial(0, 0.5))
    scores = drawn(1)
    written = json.loads(schema.canonical(trial(0, 0.5, locations=tuple(scores))))
    assert schema.parse(Trial, written, "line").locations == tuple(scores)


def least_loss(parts: list[Scores]) -> int:
    return int(np.argmin([location_scores.loss(p) for p in parts]))


@given(st.integers(0, 10_000), st.integers(2, 5))
def test_the_nested_accuracy_is_that_of_choices_without_the_fold(seed: int, count: int) -> None:
    parts = [drawn(1000 * seed + i) for i in range(count)]
    found = location_scores.optimism(parts, least_loss)
    right: dict[str, int] = {}
    clips: dict[str, int] = {}
    for fold in range(4):
        chosen = min(
            range(count),
            key=lambda i: (
                sum(s.loss for s in parts[i] if s.fold != fold) / sum(s.clips for s in parts[i] if s.fold != fold)
            ),
        )
        assert found.choices[fold] == chosen
        for s in parts[chosen]:
            if s.fold == fold:
                right[s.scene] = right.get(s.scene, 0) + s.right
                clips[s.scene] = clips.get(s.scene, 0) + s.clips
    assert found.nested == pytest.approx(np.mean([right[k] / clips[k] for k in clips]))
    assert found.accuracy == pytest.approx(location_scores.accuracy(parts[least_loss(parts)]))


def test_a_lucky_choice_among_equal_candidates_is_found_out() -> None:
    """By accuracy itself the best of twenty equal candidates is optimistic; the nested estimate is not, in the mean."""

    def luckiest(parts: list[Scores]) -> int:
        return int(np.argmax([location_scores.accuracy(p) for p in parts]))

    found = [location_scores.optimism([drawn(1000 * k + i, common=0) for i in range(20)], luckiest) for k in range(60)]
    assert np.mean([f.accuracy for f in found]) > 0.58
    assert np.mean([f.nested for f in found]) == pytest.approx(0.5, abs=0.025)


def test_scores_on_validation_clips_have_no_nested_estimate() -> None:
    assert optimism([trial(0, 0.5), trial(1, 0.6)], "macs") is None and optimism([], "macs") is None


def test_the_estimate_chooses_as_the_search_does() -> None:
    parts = [drawn(1000 + i, shift=0.001 * i) for i in range(4)]
    scored = [
        trial(i, math.exp(-location_scores.loss(p)), macs=100 + i, locations=tuple(p)) for i, p in enumerate(parts)
    ]
    found = optimism(scored, "macs")
    chosen = choose(Choice(), trials=scored, rescored=scored, refined=[]).trial
    assert found is not None and found.accuracy == pytest.approx(location_scores.accuracy(chosen.locations or ()))
