"""Candidates that are hopeless by prediction are dismissed before they are scored.

A regression on scored trials predicts the score of every other candidate (`hwasc.nas.predictor`). A candidate is hopeless where
a scored trial that costs no more is better than what is expected of it, by so many standard deviations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hwasc.cost import Costs
from hwasc.nas.predictor import FLOOR, Prediction
from hwasc.nas.trial import Scored
from hwasc.records.space import Point


@dataclass(frozen=True, kw_only=True)
class Unscored:
    """A candidate before its score.

    Attributes:
        point: The point of the space.
        parameters: Learned numbers.
        macs: MACs of a clip.
        memory: Peak activation memory, bytes.
    """

    point: Point
    parameters: int
    macs: int
    memory: int

    @classmethod
    def of(cls, point: Point, costs: Costs) -> Unscored:
        """The candidate at a point.

        Args:
            point: The point of the space.
            costs: Of the architecture there.

        Returns:
            The candidate.
        """
        return cls(point=point, parameters=costs.parameters, macs=costs.macs.torchinfo, memory=costs.memory)


def hopeless(
    candidate: Unscored, *, prediction: Prediction, scored: Sequence[Scored], deviations: float
) -> float | None:
    """Decide whether a candidate need not be scored.

    Args:
        candidate: The candidate.
        prediction: What is expected of it.
        scored: Scored candidates, with smoothed scores.
        deviations: How far what is expected must fall short, in standard deviations of the prediction.

    Returns:
        The expected score, 0..1, of a hopeless candidate; None for one that is worth a score.
    """
    expected = prediction(candidate)
    surpassed = expected + deviations * prediction.deviation < rival(candidate, scored)
    return math.exp(expected) if surpassed else None


def rival(candidate: Unscored, scored: Sequence[Scored]) -> float:
    """Find the score that a candidate has to surpass, to be worth its costs.

    Args:
        candidate: The candidate.
        scored: Scored candidates, with smoothed scores; those that others dominate may be left out.

    Returns:
        The logarithm of the highest score of those that need no more MACs and no more memory; that of `FLOOR` where none does.
    """
    cheaper = (o.score for o in scored if o.score and o.macs <= candidate.macs and o.memory <= candidate.memory)
    return math.log(max(max(cheaper, default=0.0), FLOOR))
