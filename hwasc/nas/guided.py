"""Candidates that are proposed by prediction, among many children of scored ones.

A front of score against costs needs candidates of all costs. The best net within a budget mostly costs nearly as much as the
budget allows, where such a search looks seldom. Predictors that choose among mutations of the best nets find it with fewer
scores: White et al., BANANAS, 2021; Cai et al., Once-for-all, 2020. So one half of these candidates are children of the best, of
which the highest score is expected. The other half are children of the front, which are expected to surpass it by most.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hwasc.nas.diversity import diverse
from hwasc.nas.strategies.local import neighbours
from hwasc.nas.trial import not_dominated
from hwasc.records.space import Point

PARENTS = 20  # of those of which the highest score is expected
CHILDREN = 20  # of which one is scored
MUTATIONS = (1, 2, 3)  # choices of a child that change


@dataclass(frozen=True, kw_only=True)
class Parent:
    """A scored candidate.

    Attributes:
        point: The point of the space.
        score: Its smoothed score, 0..1.
        macs: MACs of a clip.
        memory: Peak activation memory, bytes.
    """

    point: Point
    score: float
    macs: int
    memory: int


def best(scored: Sequence[Parent]) -> list[Parent]:
    """The candidates of the highest scores, up to `PARENTS`, of several sizes of the log-mel, see `diversity.diverse`."""
    return diverse(sorted(scored, key=lambda parent: -parent.score), PARENTS)


def front(scored: Sequence[Parent]) -> list[Parent]:
    """The candidates that no other one dominates in score, MACs and memory, by falling score."""
    return not_dominated(sorted(scored, key=lambda parent: (-parent.score, parent.macs, parent.memory)))


def children(
    choices: Mapping[str, Sequence[Any]], parents: Sequence[Point], count: int, rng: random.Random
) -> Iterator[dict[str, Any]]:
    """Draw children of scored candidates.

    Half of them are of one parent, half take each choice from one of two. Then one to three choices take a neighbouring value.

    Args:
        choices: The values of every choice of the space, by name.
        parents: Points of the space, one at least.
        count: Children to draw.
        rng: Of every draw.

    Yields:
        Points of the space. They may repeat, break its rules or exceed a limit.
    """
    free = [name for name, values in choices.items() if len(values) > 1]
    for _ in range(count):
        one, other = rng.choice(parents), rng.choice(parents)
        if rng.random() < 0.5:
            other = one
        child = {name: rng.choice((one, other))[name] for name in choices}
        for name in rng.sample(free, min(rng.choice(MUTATIONS), len(free))):
            child[name] = rng.choice(neighbours(list(choices[name]), child[name]))
        yield child
