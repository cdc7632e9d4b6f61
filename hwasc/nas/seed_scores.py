"""Second scores over several trainings of a finalist, with other seeds: their mean, with an error that contains how they differ.

From random weights, or in another order of the batches, the same net becomes another classifier. The best of several single
trainings is in part the luckiest one (Bouthillier et al., Accounting for Variance in Machine Learning Benchmarks, MLSys 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwasc.nas import location_scores
from hwasc.nas.location_scores import LocationScore
from hwasc.nas.trial import SeedScore, Trial

LEAST = 1e-300  # in place of a score of 0, that of a loss above 745 nats


def mean_over_seeds(trainings: Sequence[Trial]) -> Trial:
    """Put the trainings of a candidate together.

    The part of its errors that is over clips or locations is that of the mean over locations where there are scores of these, and
    else that of one training, which is a little larger.

    Args:
        trainings: Its scores after each training; training i has the study's seed plus i.

    Returns:
        The means, the time of all trainings, and each one's score.
    """
    first = trainings[0]
    locations = _mean_locations([t.locations for t in trainings if t.locations is not None])
    score = math.exp(-float(np.mean(_losses([t.score for t in trainings]))))
    if locations is None:
        of_clips = _root_mean_square([t.score_error / max(t.score, LEAST) for t in trainings])
    else:
        of_clips = location_scores.loss_error(locations)
    of_accuracy = None if locations is None else location_scores.accuracy_error(locations)
    if of_accuracy is None:
        of_accuracy = _root_mean_square([t.standard_error for t in trainings])
    accuracies = [t.accuracy for t in trainings]
    floats = [t.float_accuracy for t in trainings if t.float_accuracy is not None]
    mean = replace(
        first,
        accuracy=float(np.mean(accuracies)),
        float_accuracy=float(np.mean(floats)) if len(floats) == len(trainings) else None,
        score=score,
        seconds=round(sum(t.seconds for t in trainings), 2),
        locations=locations,
        by_seed=tuple(
            SeedScore(seed=first.seed + i, accuracy=t.accuracy, score=t.score) for i, t in enumerate(trainings)
        ),
    )
    return replace(
        mean,
        standard_error=math.hypot(of_accuracy, accuracy_error_of_seeds(mean)),
        score_error=score * math.hypot(of_clips, loss_error_of_seeds(mean)),
    )


def loss_error_of_seeds(trial: Trial) -> float:
    """Estimate the standard error of a candidate's mean loss over seeds.

    Args:
        trial: With its second score.

    Returns:
        Nats; 0 where there was one training, which does not show it.
    """
    return _error_of_mean(_losses([s.score for s in trial.by_seed or ()]))


def accuracy_error_of_seeds(trial: Trial) -> float:
    """Estimate the standard error of a candidate's mean accuracy over seeds.

    Args:
        trial: With its second score.

    Returns:
        0..1; 0 where there was one training, which does not show it.
    """
    return _error_of_mean([s.accuracy for s in trial.by_seed or ()])


def _losses(scores: Sequence[float]) -> list[float]:
    return [-math.log(max(score, LEAST)) for score in scores]


def _error_of_mean(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def _root_mean_square(values: Sequence[float]) -> float:
    return math.sqrt(float(np.mean(np.square(values))))


def _mean_locations(trainings: Sequence[Sequence[LocationScore]]) -> tuple[LocationScore, ...] | None:
    if not trainings:
        return None
    return tuple(
        replace(parts[0], right=float(np.mean([p.right for p in parts])), loss=float(np.mean([p.loss for p in parts])))
        for parts in zip(*trainings, strict=True)
    )
