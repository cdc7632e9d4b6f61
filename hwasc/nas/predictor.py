"""Smoothed scores: the mean of each trial's own score and of a prediction from all other trials.

A first score is noisy. A few hundred scores together are less so: ridge regression predicts the logarithm of the score from
the choices and costs of a candidate. This raises the default proxy's rank correlation with full training from 0.71 to 0.78
(`experiments/search/proxies.md`).

Trials of an earlier search, with other data or other training, can be learned from, too: how choices and costs change the
logarithm of the score is taken from both searches, its level from this one alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from hwasc.nas.trial import Trial
from hwasc.records.space import Point

MIN_TRIALS = 50  # with fewer trials no prediction is made
PENALTY = 10.0  # on the squared weights of standardised inputs; results are the same from 1 to 100
MIN_OWN = 10  # and with earlier trials, fewer of this search's own
OWN_WEIGHT = 0.5  # share of a candidate's own score in the mean
FREE = 1e-9  # penalty of the intercept: none
FLOOR = 1e-6  # lowest score of which a logarithm is taken

Choices = Mapping[str, Sequence[Any]]  # of a space, see `SearchSpace.choices`


class CostedCandidate(Protocol):
    """A candidate whose costs are counted."""

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


class ScoredCandidate(CostedCandidate, Protocol):
    """A candidate with a score, such as `trial.Trial`."""

    @property
    def score(self) -> float:
        """0..1, higher is better."""


def smoothed(
    choices: Choices, trials: Sequence[ScoredCandidate], earlier: Sequence[ScoredCandidate] = ()
) -> list[float]:
    """Smooth the scores of trials: the geometric mean of each score and of its prediction from all other trials.

    Args:
        choices: The choices of the space.
        trials: Scored candidates.
        earlier: Trials of an earlier search over these choices.

    Returns:
        A score for each trial, 0..1; the trials' own scores where there are too few, see `Smoother.add`.
    """
    return Smoother(choices, earlier).add(trials)


def promising(choices: Choices, trials: Sequence[Trial], earlier: Sequence[Trial] = ()) -> list[Trial]:
    """Sort trials by how good they are expected to be.

    Args:
        choices: The choices of the space that the trials are of.
        trials: Scored candidates.
        earlier: Trials of an earlier search over these choices.

    Returns:
        The trials by falling `smoothed` score; of equal scores the cheaper one first.
    """
    estimates = dict(zip((t.number for t in trials), smoothed(choices, trials, earlier), strict=True))
    return sorted(trials, key=lambda t: (-estimates[t.number], t.macs, t.memory, t.number))


def predicted(choices: Choices, trials: Sequence[ScoredCandidate]) -> list[float]:
    """Predict the score of each trial from all other trials, as `smoothed` does.

    Args:
        choices: The choices of the space.
        trials: Scored candidates.

    Returns:
        A score for each trial, in which its own has no part; empty where there are fewer than `MIN_TRIALS`.
    """
    if len(trials) < MIN_TRIALS:
        return []
    smoother = Smoother(choices)
    _, others = smoother.leave_one_out(smoother.take(trials))
    return [float(v) for v in np.exp(others)]


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
    return _halfway(_logarithms(candidates), predicted)


def _inputs(choices: Choices, candidates: Sequence[ScoredCandidate], trials: Sequence[ScoredCandidate]) -> np.ndarray:
    """(candidates, inputs), standardised as the trials' inputs are, with a column of ones.

    Costs and numeric choices are logarithms; named choices are one-hot.
    """
    raw, reference = (_encoded(choices, part) for part in (candidates, trials))
    spread = reference.std(0)
    scaled = (raw - reference.mean(0)) / np.where(spread > 0, spread, 1.0)
    return np.c_[scaled, np.ones(len(scaled))]


def _encoded(choices: Choices, candidates: Sequence[CostedCandidate]) -> np.ndarray:
    """Inputs before they are standardised, (candidates, inputs)."""
    columns = [np.log([max(v, 1) for v in (c.parameters, c.macs, c.memory)]) for c in candidates]
    return np.c_[np.reshape(columns, (-1, 3)), [_choices(choices, c.point) for c in candidates]]


def _choices(choices: Choices, point: Point) -> list[float]:
    out: list[float] = []
    for name, values in choices.items():
        if any(isinstance(v, str) for v in values):
            out += [float(point[name] == v) for v in values]
        else:
            out.append(math.log2(1 + point[name]))
    return out


def _penalty(x: np.ndarray) -> np.ndarray:
    penalty = np.diag(np.full(x.shape[1], PENALTY))
    penalty[-1, -1] = FREE
    return penalty


def _logarithms(candidates: Sequence[ScoredCandidate]) -> np.ndarray:
    return np.log([max(c.score, FLOOR) for c in candidates])


def _halfway(own: np.ndarray, predicted: np.ndarray) -> list[float]:
    """Scores from the logarithms of a candidate's own score and of its prediction."""
    return [float(v) for v in np.exp(OWN_WEIGHT * own + (1 - OWN_WEIGHT) * predicted)]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A fitted ridge regression from choices and costs to the logarithm of the score.

    Attributes:
        choices: The choices of the space.
        slopes: Of the inputs.
        centre: Their means.
        level: The logarithm of the score that is expected there.
        deviation: Standard deviation of scored candidates around what is expected of them, in the logarithm.
    """

    choices: Choices
    slopes: np.ndarray
    centre: np.ndarray
    level: float
    deviation: float

    def __call__(self, candidate: CostedCandidate) -> float:
        """The logarithm of the score that is expected of a candidate."""
        return float((_encoded(self.choices, [candidate])[0] - self.centre) @ self.slopes) + self.level


class Smoother:
    """Smooths the scores of a growing list of trials; a group of trials costs the same however many were before it.

    Leave-one-out ridge regression needs of all trials only sums over them: of inputs, of products of two inputs, and of
    products of inputs and scores. They grow by what is added. The regression's matrix is p x p for p inputs; the
    diagonal of the hat matrix is computed for those trials alone whose scores are asked for.
    """

    def __init__(self, choices: Choices, earlier: Sequence[ScoredCandidate] = ()) -> None:
        """Begin without trials of this search.

        Args:
            choices: The choices of the space.
            earlier: Trials of an earlier search over these choices. Their inputs and logarithms count as differences from
                their own means, so that only slopes are learned from them.
        """
        self.choices, self.count, self.earlier = choices, 0, len(earlier)
        self._shift = np.zeros(0)  # the first trial's inputs and logarithm; sums of differences from it lose no digits
        self._sums, self._products = np.zeros(0), np.zeros((0, 0))
        rows = np.c_[_encoded(choices, earlier), _logarithms(earlier)] if earlier else np.zeros((0, 0))
        self._before = (rows - rows.mean(0)).T @ (rows - rows.mean(0)) if earlier else None

    def add(self, trials: Sequence[ScoredCandidate]) -> list[float]:
        """Take trials in.

        Args:
            trials: Scored candidates that were not added yet.

        Returns:
            A score for each of them, 0..1, see `smoothed`; their own scores while there are fewer than `MIN_TRIALS` in all, or
            fewer than `MIN_OWN` of this search.
        """
        if not trials:
            return []
        rows = self.take(trials)
        return _halfway(*self.leave_one_out(rows)) if self.predicts else [t.score for t in trials]

    @property
    def predicts(self) -> bool:
        """Whether there are trials enough for a prediction."""
        return self.count + self.earlier >= MIN_TRIALS and self.count >= MIN_OWN

    def take(self, trials: Sequence[ScoredCandidate]) -> np.ndarray:
        """Add trials to the sums.

        Args:
            trials: One scored candidate at least.

        Returns:
            A row of inputs and the logarithm of the score for each, shifted, (n, inputs + 1).
        """
        rows = np.c_[_encoded(self.choices, trials), _logarithms(trials)]
        if not self.count:
            self._shift = rows[0]
            self._sums, self._products = np.zeros(rows.shape[1]), np.zeros((rows.shape[1],) * 2)
        rows = rows - self._shift
        self.count += len(rows)
        self._sums += rows.sum(0)
        self._products += rows.T @ rows
        return rows

    def leave_one_out(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict trials from all others.

        Args:
            rows: What `take` gave for them.

        Returns:
            Logarithms of the trials' own scores, and of their predictions, both (n,).
        """
        mean = self._sums / self.count
        spread, products = self._standardised(mean)
        factor = cho_factor(products[:-1, :-1] + PENALTY * np.eye(len(mean) - 1))
        x, y = (rows[:, :-1] - mean[:-1]) / spread, rows[:, -1] + self._shift[-1]
        # Inputs have the mean 0, so the intercept is a regression of its own: almost the mean, and 1 / n of each hat value.
        intercept = (mean[-1] + self._shift[-1]) * self.count / (self.count + FREE)
        fitted = x @ cho_solve(factor, products[:-1, -1]) + intercept
        hat = np.einsum("np,pn->n", x, cho_solve(factor, x.T)) + 1 / (self.count + FREE)
        return y, y - (y - fitted) / (1 - hat)

    def prediction(self) -> Prediction:
        """Predict candidates that are not scored, from all trials so far."""
        mean = self._sums / self.count
        spread, products = self._standardised(mean)
        inputs, scores = products[:-1, :-1], products[:-1, -1]
        factor = cho_factor(inputs + PENALTY * np.eye(len(inputs)))
        weights = cho_solve(factor, scores)
        used = float(np.trace(cho_solve(factor, inputs))) + 1  # degrees of freedom of the fit
        squares = float(products[-1, -1] - 2 * weights @ scores + weights @ inputs @ weights)
        return Prediction(
            choices=self.choices,
            slopes=weights / spread,
            centre=mean[:-1] + self._shift[:-1],
            level=float(mean[-1] + self._shift[-1]),
            deviation=math.sqrt(max(squares, 0.0) / max(self.count + self.earlier - used, 1.0)),
        )

    def _standardised(self, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inputs' standard deviations, and the sums of products with every input of mean 0 and deviation 1."""
        products = self._products - self.count * np.outer(mean, mean)
        if self._before is not None:
            products = products + self._before
        deviation = np.sqrt(np.maximum(np.diag(products)[:-1], 0) / (self.count + self.earlier))
        spread = np.where(deviation > 0, deviation, 1.0)
        scale = np.append(spread, 1.0)  # logarithms of scores keep their unit
        return spread, products / np.outer(scale, scale)
