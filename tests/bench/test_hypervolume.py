"""The exact hypervolume against inclusion and exclusion, against drawn points, and on cases worked by hand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from hwasc.bench.hypervolume import hypervolume, hypervolume_by_trial, objectives, reference_point


def by_inclusion_and_exclusion(gains: np.ndarray) -> float:
    """Boxes from the origin: the intersection of several has the smallest of each side."""
    return sum(
        (-1) ** (k + 1) * sum(float(np.prod(np.min(some, 0))) for some in itertools.combinations(gains, k))
        for k in range(1, len(gains) + 1)
    )


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_union_of_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gains = rng.uniform(0.05, 1, (1 + seed % 9, 3))
    if seed % 3 == 0:
        gains = np.ceil(gains * 4) / 4  # ties in every objective
    reference = rng.normal(size=3)
    assert hypervolume(gains + reference, reference) == pytest.approx(by_inclusion_and_exclusion(gains), rel=1e-12)


def test_drawn_points_agree() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 1, (60, 3))
    drawn = rng.uniform(0, 1, (40_000, 3))
    share = (drawn[:, None] <= points).all(2).any(1).mean()
    assert hypervolume(points, np.zeros(3)) == pytest.approx(share, abs=4 * 0.5 / 200)


def test_by_hand() -> None:
    o = np.zeros(3)
    assert hypervolume(np.empty((0, 3)), o) == 0
    assert hypervolume(np.array([[2.0, 3.0, 4.0]]), o) == 24
    assert hypervolume(np.array([[2.0, 3.0, 4.0], [1.0, 1.0, 1.0]]), o) == 24, "a dominated point adds nothing"
    assert hypervolume(np.array([[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]]), o) == 4
    assert hypervolume(np.array([[9.0, 9.0, -1.0], [9.0, 0.0, 9.0]]), o) == 0, "not better than the reference"


@dataclass(frozen=True)
class Row:
    score: float
    macs: int
    memory: int


def test_candidates_become_objectives_and_a_reference() -> None:
    points = objectives([Row(0.5, 10**6, 10**4), Row(0.6, 10**7, 10**5)])
    assert points == pytest.approx(np.array([[0.5, -6, -4], [0.6, -7, -5]]))
    assert reference_point(points) == pytest.approx([0.49, -7.1, -5.1])
    assert objectives([]).shape == (0, 3)


def test_hypervolume_by_trial_is_the_hypervolume_of_each_prefix() -> None:
    rng = np.random.default_rng(2)
    points, reference = rng.uniform(0, 1, (50, 3)), np.full(3, 0.1)
    found = hypervolume_by_trial(points, reference)
    assert found == pytest.approx([hypervolume(points[: i + 1], reference) for i in range(50)])
    assert (np.diff(found) >= 0).all()
