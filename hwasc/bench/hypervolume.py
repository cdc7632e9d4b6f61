"""How much of score, MACs and activation memory together a set of candidates covers: the exact hypervolume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

MARGIN = 0.1  # of the range, by which the reference lies beyond the worst candidate: the extremes then count too


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
    """(n, 3), all to be maximised: score, -log10 MACs, -log10 bytes, so that halving a cost counts the same anywhere."""
    return np.array([(c.score, -np.log10(c.macs), -np.log10(c.memory)) for c in candidates]).reshape(-1, 3)


def reference(points: np.ndarray) -> np.ndarray:
    """(3,): the worst of (n, 3) objectives in each, a tenth of its range further off (of one, where all are the same)."""
    low, span = points.min(0), np.ptp(points, 0)
    worst: np.ndarray = low - MARGIN * np.where(span > 0, span, 1.0)
    return worst


def hypervolume(points: np.ndarray, beyond: np.ndarray) -> float:
    """Volume between a reference point and what (n, 3) objectives, all maximised, dominate. Points that do not pass it add none.

    The union of boxes, swept along the third objective: each slab is an area below a staircase, O(n^2 log n).
    """
    gains = points - beyond
    gains = gains[(gains > 0).all(1)]
    gains = gains[np.argsort(-gains[:, 2])]
    depths = -np.diff(gains[:, 2], append=0.0)
    return float(sum(d * _area(gains[: i + 1, :2]) for i, d in enumerate(depths) if d > 0))


def _area(corners: np.ndarray) -> float:
    """Of the union of rectangles from the origin to (n, 2) corners."""
    corners = corners[np.argsort(-corners[:, 0])]
    widths = -np.diff(corners[:, 0], append=0.0)
    return float(widths @ np.maximum.accumulate(corners[:, 1]))


def growth(points: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """(n,): the hypervolume of the first 1, 2, ... n of (n, 3) objectives."""
    front, volume, out = np.empty((0, 3)), 0.0, []
    for p in points:
        if not (front >= p).all(1).any():
            front = np.vstack([front[~(front <= p).all(1)], p])
            volume = hypervolume(front, beyond)
        out.append(volume)
    return np.array(out)
