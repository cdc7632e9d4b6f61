"""Smoothed scores: the mean of each trial's own score and of a prediction from all other trials.

A first score is noisy. A few hundred scores together are less so: ridge regression predicts the logarithm of the score from
the choices and costs of a candidate. This raises the default proxy's rank correlation with full training from 0.71 to 0.78
(`experiments/search/proxies.md`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from hwasc.records.space import Point

MIN_TRIALS = 50  # with fewer trials no prediction is made
PENALTY = 10.0  # on the squared weights of standardised inputs; results are the same from 1 to 100
OWN_WEIGHT = 0.5  # share of a candidate's own score in the mean
FLOOR = 1e-6  # lowest score of which a logarithm is taken

Choices = Mapping[str, Sequence[Any]]  # of a space, see `SearchSpace.choices`


class ScoredCandidate(Protocol):
    """A candidate with a score, such as `trial.Trial`."""

    @property
    def point(self) -> Point:
        """The point of the space."""

    @property
    def parameters(self) -> int:
        """Learned numbers."""

    @property
    def macs(self) -> int:
        """MACs of a clip."""

    @property
    def memory(self) -> int:
        """Peak activation memory, bytes."""

    @property
    def score(self) -> float:
        """0..1, higher is better."""


def smoothed(choices: Choices, trials: Sequence[ScoredCandidate]) -> list[float]:
    """Smooth the scores of trials: the geometric mean of each score and of its prediction from all other trials.

    Args:
        choices: The choices of the space.
        trials: Scored candidates.

    Returns:
        A score for each trial, 0..1; the trials' own scores where there are fewer than `MIN_TRIALS`.
    """
    if len(trials) < MIN_TRIALS:
        return [t.score for t in trials]
    x, y = _inputs(choices, trials, trials), _logarithms(trials)
    hat = x @ np.linalg.solve(x.T @ x + _penalty(x), x.T)
    predicted = y - (y - hat @ y) / (1 - np.diag(hat))  # leave-one-out ridge regression in closed form
    return [float(v) for v in np.exp(OWN_WEIGHT * y + (1 - OWN_WEIGHT) * predicted)]


def blended(choices: Choices, trials: Sequence[ScoredCandidate], candidates: Sequence[ScoredCandidate]) -> list[float]:
    """Smooth the scores of candidates by a prediction that was fitted on other trials.

    Args:
        choices: The choices of the space.
        trials: Scored candidates that the prediction is fitted on.
        candidates: Scored candidates that are not among the trials.

    Returns:
        A score for each of `candidates`, 0..1; their own scores where there are fewer than `MIN_TRIALS` trials.
    """
    if len(trials) < MIN_TRIALS:
        return [c.score for c in candidates]
    x, y = _inputs(choices, trials, trials), _logarithms(trials)
    weights = np.linalg.solve(x.T @ x + _penalty(x), x.T @ y)
    predicted = _inputs(choices, candidates, trials) @ weights
    return [float(v) for v in np.exp(OWN_WEIGHT * _logarithms(candidates) + (1 - OWN_WEIGHT) * predicted)]


def _inputs(choices: Choices, candidates: Sequence[ScoredCandidate], trials: Sequence[ScoredCandidate]) -> np.ndarray:
    """(candidates, inputs), standardised as the trials' inputs are, with a column of ones.

    Costs and numeric choices are logarithms; named choices are one-hot.
    """
    raw, reference = (np.array([_encoded(choices, c) for c in part]) for part in (candidates, trials))
    spread = reference.std(0)
    scaled = (raw - reference.mean(0)) / np.where(spread > 0, spread, 1.0)
    return np.c_[scaled, np.ones(len(scaled))]


def _encoded(choices: Choices, c: ScoredCandidate) -> list[float]:
    out = [math.log(max(v, 1)) for v in (c.parameters, c.macs, c.memory)]
    for name, values in choices.items():
        if any(isinstance(v, str) for v in values):
            out += [float(c.point[name] == v) for v in values]
        else:
            out.append(math.log2(1 + c.point[name]))
    return out


def _penalty(x: np.ndarray) -> np.ndarray:
    penalty = np.diag(np.full(x.shape[1], PENALTY))
    penalty[-1, -1] = 1e-9  # no penalty on the mean
    return penalty


def _logarithms(candidates: Sequence[ScoredCandidate]) -> np.ndarray:
    return np.log([max(c.score, FLOOR) for c in candidates])
