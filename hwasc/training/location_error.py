"""The standard error of a macro accuracy over locations: clips of one place are right or wrong together. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def location_error(
    right: np.ndarray, clips: np.ndarray, scenes: Sequence[Any] | np.ndarray, locations: Sequence[str]
) -> float | None:
    """Estimate the standard error of a macro accuracy, or of a difference of two, over locations.

    Linear approximation, corrected for the number of locations of each scene. A row is any group of clips of one scene at one
    location.

    Args:
        right: Clips that are named rightly, of each of n rows, or the difference of two such counts.
        clips: Clips of each row.
        scenes: The scene of each row.
        locations: The location of each row.

    Returns:
        0..1; None where a scene has one location only.
    """
    places, of = np.unique(np.asarray(locations), return_inverse=True)
    deviations, (present, label) = np.zeros(len(places)), np.unique(np.asarray(scenes), return_inverse=True)
    for scene in range(len(present)):
        own = label == scene
        count = len(np.unique(of[own]))
        if count < 2:
            return None
        total = clips[own].sum()
        sums = np.bincount(of[own], right[own] - clips[own] * (right[own].sum() / total), len(places))
        deviations += sums / (total * len(present)) * np.sqrt(count / (count - 1))
    return float(np.sqrt((deviations**2).sum()))
