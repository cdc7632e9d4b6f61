"""A learned predictor on top of first scores: every trial's own score, half and half with what all the others say of it.

A first score is noisy, a few hundred of them together are less so: ridge regression from what was chosen and what it costs to
the logarithm of the score. It raises the default proxy's rank correlation with full training from 0.71 to 0.78
(`experiments/search/proxies.md`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from hwasc.records.space import Point

MIN_TRIALS = 50  # scores below which they are taken as they are
PENALTY = 10.0  # of the squared weights of standardised inputs; between 1 and 100 nothing changes
OWN_WEIGHT = 0.5  # the share of a candidate's own score
FLOOR = 1e-6  # of a score, for its logarithm

Choices = Mapping[str, Sequence[Any]]  # of a space, see `SearchSpace.choices`


class Known(Protocol):
    """A scored candidate, as `trial.Trial` is one: its point, parameters, MACs, activation memory (bytes), score (0..1)."""

    @property
    def point(self) -> Point: ...
    @property
    def parameters(self) -> int: ...
    @property
    def macs(self) -> int: ...
    @property
    def memory(self) -> int: ...
    @property
    def score(self) -> float: ...


def smoothed(choices: Choices, known: Sequence[Known]) -> list[float]:
    """Each score and what all the others predict of its candidate, half and half in logarithms; where few, the scores alone."""
    if len(known) < MIN_TRIALS:
        return [k.score for k in known]
    x, y = _inputs(choices, known, known), _logarithms(known)
    hat = x @ np.linalg.solve(x.T @ x + _penalty(x), x.T)
    without = y - (y - hat @ y) / (1 - np.diag(hat))  # leaving one out of ridge regression, in closed form
    return [float(v) for v in np.exp(OWN_WEIGHT * y + (1 - OWN_WEIGHT) * without)]


def blended(choices: Choices, known: Sequence[Known], others: Sequence[Known]) -> list[float]:
    """The same of candidates that the prediction was not fitted on."""
    if len(known) < MIN_TRIALS:
        return [k.score for k in others]
    x, y = _inputs(choices, known, known), _logarithms(known)
    weights = np.linalg.solve(x.T @ x + _penalty(x), x.T @ y)
    predicted = _inputs(choices, others, known) @ weights
    return [float(v) for v in np.exp(OWN_WEIGHT * _logarithms(others) + (1 - OWN_WEIGHT) * predicted)]


def _inputs(choices: Choices, rows: Sequence[Known], by: Sequence[Known]) -> np.ndarray:
    """(rows, inputs), standardised as those of `by`, and a column of ones: costs and numbers as logarithms, names as 0 and 1."""
    raw, reference = (np.array([_encoded(choices, k) for k in part]) for part in (rows, by))
    spread = reference.std(0)
    scaled = (raw - reference.mean(0)) / np.where(spread > 0, spread, 1.0)
    return np.c_[scaled, np.ones(len(scaled))]


def _encoded(choices: Choices, k: Known) -> list[float]:
    out = [math.log(max(v, 1)) for v in (k.parameters, k.macs, k.memory)]
    for name, values in choices.items():
        if any(isinstance(v, str) for v in values):
            out += [float(k.point[name] == v) for v in values]
        else:
            out.append(math.log2(1 + k.point[name]))
    return out


def _penalty(x: np.ndarray) -> np.ndarray:
    penalty = np.diag(np.full(x.shape[1], PENALTY))
    penalty[-1, -1] = 1e-9  # the mean is free
    return penalty


def _logarithms(known: Sequence[Known]) -> np.ndarray:
    return np.log([max(k.score, FLOOR) for k in known])
