"""The exact hypervolume that a set of candidates dominates in score, MACs and activation memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

MARGIN = 0.1  # the reference is worse than the worst value by this share of the range, so that extremes count too


class Scored(Protocol):
    """Anything with a score (0..1), MACs and activation memory (bytes), such as a `Trial`."""

    @property
    def score(self) -> float:
        """Higher is better."""

    @property
    def macs(self) -> int:
        """Lower is better."""

    @property
    def memory(self) -> int:
        """Lower is better."""


def objectives(candidates: Sequence[Scored]) -> np.ndarray:
    """Three objectives (n, 3) to maximise: score, -log10 MACs, -log10 bytes. Halving a cost counts the same at any size."""
    return np.array([(c.score, -np.log10(c.macs), -np.log10(c.memory)) for c in candidates]).reshape(-1, 3)


def reference_point(points: np.ndarray) -> np.ndarray:
    """The reference (3,) for objectives (n, 3): the worst value of each, less a tenth of its range (of 1 where it is 0)."""
    low, span = points.min(0), np.ptp(points, 0)
    worst: np.ndarray = low - MARGIN * np.where(span > 0, span, 1.0)
    return worst


def hypervolume(points: np.ndarray, reference: np.ndarray) -> float:
    """Compute the volume that points dominate, down to a reference point.

    It is the union of boxes, swept along the third objective; each slab is an area below a staircase, O(n^2 log n).

    Args:
        points: Objectives to maximise, (n, 3). Points that are not better than the reference in every objective add nothing.
        reference: (3,).

    Returns:
        The volume.
    """
    gains = points - reference
    gains = gains[(gains > 0).all(1)]
    gains = gains[np.argsort(-gains[:, 2])]
    depths = -np.diff(gains[:, 2], append=0.0)
    return float(sum(d * _area(gains[: i + 1, :2]) for i, d in enumerate(depths) if d > 0))


def _area(corners: np.ndarray) -> float:
    """Area of the union of rectangles from the origin to corners (n, 2)."""
    corners = corners[np.argsort(-corners[:, 0])]
    widths = -np.diff(corners[:, 0], append=0.0)
    return float(widths @ np.maximum.accumulate(corners[:, 1]))


def hypervolume_by_trial(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Compute the hypervolume of the first 1, 2, ... n points.

    Args:
        points: Objectives to maximise, (n, 3).
        reference: (3,).

    Returns:
        (n,), rising.
    """
    front, volume, out = np.empty((0, 3)), 0.0, []
    for p in points:
        if not (front >= p).all(1).any():
            front = np.vstack([front[~(front <= p).all(1)], p])
            volume = hypervolume(front, reference)
        out.append(volume)
    return np.array(out)
