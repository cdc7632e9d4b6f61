"""Scores of finalists by location: their pooled figures, which of them are equally good, and how optimistic the choice is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hwasc.training.location_error import location_error


@dataclass(frozen=True, kw_only=True)
class LocationScore:
    """A candidate on the clips of one scene at one location.

    Attributes:
        fold: The fold that the location is in; the last one is that of the validation clips.
        location: Its name.
        scene: The scene.
        clips: How many clips, each with its weight, see `clip_weights`.
        right: How many of them the int8 net names rightly; a mean where there were several trainings.
        loss: Sum of their distillation losses, nats; likewise.
    """

    fold: int
    location: str
    scene: str
    clips: float
    right: float
    loss: float


@dataclass(frozen=True, kw_only=True)
class Optimism:
    """How much of a winner's accuracy is due to the choice among finalists.

    Attributes:
        accuracy: The winner's, over all folds, 0..1.
        nested: Accuracy of the choice itself: in each fold that of the finalist that the other folds choose, 0..1.
        error: Standard error of their difference, over locations, 0..1; None where a scene has one location only.
        choices: The finalist that the other folds choose, for each fold: its index.
    """

    accuracy: float
    nested: float
    error: float | None
    choices: tuple[int, ...]

    @property
    def difference(self) -> float:
        """What to expect on new places beyond the winner's accuracy: nested minus accuracy, mostly below 0."""
        return self.nested - self.accuracy


def accuracy(scores: Sequence[LocationScore]) -> float:
    """Compute the macro accuracy over all clips, 0..1."""
    clips, right = _by_scene(scores, lambda s: s.clips), _by_scene(scores, lambda s: s.right)
    return float(np.mean([right[scene] / count for scene, count in clips.items()]))


def accuracy_error(scores: Sequence[LocationScore], other: Sequence[LocationScore] | None = None) -> float | None:
    """Estimate the standard error of the macro accuracy over locations, or of the difference of two.

    Args:
        scores: A candidate's.
        other: Another candidate's on the same clips, in the same order; None: that of the accuracy itself.

    Returns:
        0..1; None where a scene has one location only.
    """
    right = np.array([s.right - (other[i].right if other else 0) for i, s in enumerate(scores)], float)
    clips = np.array([s.clips for s in scores], float)
    return location_error(right, clips, [s.scene for s in scores], [s.location for s in scores])


def loss(scores: Sequence[LocationScore]) -> float:
    """Compute the mean loss of a clip, nats."""
    return sum(s.loss for s in scores) / sum(s.clips for s in scores)


def loss_error(scores: Sequence[LocationScore], other: Sequence[LocationScore] | None = None) -> float:
    """Estimate the standard error of the mean loss over locations, or of the difference of two.

    A ratio estimate: locations have different numbers of clips.

    Args:
        scores: A candidate's.
        other: Another candidate's on the same clips, in the same order; None: that of the loss itself.

    Returns:
        Nats; infinite where there is one location.
    """
    sums: dict[str, float] = {}
    clips: dict[str, float] = {}
    for i, s in enumerate(scores):
        sums[s.location] = sums.get(s.location, 0.0) + s.loss - (other[i].loss if other else 0.0)
        clips[s.location] = clips.get(s.location, 0) + s.clips
    total, count = sum(clips.values()), len(clips)
    if count < 2:
        return math.inf
    mean = sum(sums.values()) / total
    squares = sum((sums[place] - clips[place] * mean) ** 2 for place in sums)
    return math.sqrt(squares * count / (count - 1)) / total


def as_good(candidates: Sequence[Sequence[LocationScore]], seed_errors: Sequence[float] | None = None) -> list[int]:
    """Find the candidates that are as good as the best one.

    Args:
        candidates: The scores of each on the same clips, in the same order.
        seed_errors: Standard error of each one's mean loss over seeds, nats; None: there was one training of each.

    Returns:
        Indices of the best and of those whose mean loss is at most one standard error of the difference above its own: the
        paired one over locations, and those over seeds.
    """
    losses = [loss(scores) for scores in candidates]
    of_seeds = seed_errors or [0.0] * len(losses)
    top = int(np.argmin(losses))
    best = candidates[top]
    return [
        i
        for i, scores in enumerate(candidates)
        if i == top or losses[i] - losses[top] <= math.hypot(loss_error(scores, best), of_seeds[i], of_seeds[top])
    ]


def optimism(
    candidates: Sequence[Sequence[LocationScore]], choose: Callable[[list[list[LocationScore]]], int]
) -> Optimism:
    """Estimate by nesting how optimistic the winner's accuracy is.

    A choice by noisy scores prefers those that had luck. So each fold is measured with the finalist that the other folds alone
    would choose (Varma and Simon, BMC Bioinformatics 7:91, 2006). The choice of the finalists themselves is not nested.

    Args:
        candidates: The scores of each finalist on the same clips, in the same order.
        choose: From the scores of all finalists to the index of the winner.

    Returns:
        Both accuracies.
    """
    whole = [list(scores) for scores in candidates]
    winner = whole[choose(whole)]
    nested, choices = list(winner), []
    for fold in sorted({s.fold for s in winner}):
        chosen = choose([[s for s in scores if s.fold != fold] for scores in whole])
        choices.append(chosen)
        for i, s in enumerate(whole[chosen]):
            if s.fold == fold:
                nested[i] = s
    return Optimism(
        accuracy=accuracy(winner),
        nested=accuracy(nested),
        error=accuracy_error(winner, nested),
        choices=tuple(choices),
    )


def _by_scene(scores: Sequence[LocationScore], value: Callable[[LocationScore], float]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for s in scores:
        sums[s.scene] = sums.get(s.scene, 0) + value(s)
    return sums
