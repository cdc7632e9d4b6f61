"""Splits by location, stratified by scene and reproducible by seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hwasc.data.clips import Clip


def folds(clips: Sequence[Clip], count: int, seed: int) -> list[int]:
    """Assign each clip to a cross-validation fold.

    All clips of a location are in the same fold. The folds are stratified by scene and balanced by number of clips.
    Locations are assigned in order of size, the largest first, to the fold with the fewest clips of their scenes (ties: the
    smaller fold, then by seed). So a scene with at least `count` locations of its own is in every fold.

    Args:
        clips: The clips.
        count: Number of folds, at least 1.
        seed: Seed of the order of equally large locations and of ties.

    Returns:
        The fold of each clip, 0 to count - 1.

    Raises:
        ValueError: The count is below 1.
    """
    if count < 1:
        raise ValueError(f"at least one fold is needed, found {count}")
    if not clips:
        return []
    location, counts = _table(clips)
    totals = counts.sum(axis=0)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    filled = np.zeros((count, counts.shape[1]))
    chosen = np.zeros(len(counts), dtype=int)
    for i in order:
        share = counts[i] / totals**2
        chosen[i] = np.lexsort((rng.permutation(count), filled.sum(axis=1), filled @ share))[0]
        filled[chosen[i]] += counts[i]
    return [int(chosen[k]) for k in location]


def hold_out(clips: Sequence[Clip], share: float, seed: int, min_locations: int = 1) -> tuple[list[Clip], list[Clip]]:
    """Hold out whole locations with about the given share of the clips of every scene.

    Locations are tried in random order. A location is held out if that brings its scenes nearer to the share. At least one
    location of a scene is held out if the scene has more than `min_locations` and shares none with another scene.

    Args:
        clips: The clips.
        share: Share of the clips to hold out, between 0 and 1.
        seed: Seed of the order of the locations.
        min_locations: Least number of locations of a scene that are not held out.

    Returns:
        The other clips and the held-out clips, both in the given order.

    Raises:
        ValueError: The share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share must lie between 0 and 1, found {share}")
    if not clips:
        return [], []
    location, counts = _table(clips)
    totals = counts.sum(axis=0)
    available = (counts > 0).sum(axis=0) - min_locations  # locations of each scene that can still be held out
    held = np.zeros(len(counts), dtype=bool)
    missing = share * totals

    def hold(i: int) -> None:
        nonlocal available, missing
        held[i], available, missing = True, available - (counts[i] > 0), missing - counts[i]

    def free(i: int) -> bool:
        return not held[i] and bool((available[counts[i] > 0] > 0).all())

    for i in np.random.default_rng(seed).permutation(len(counts)):
        after = np.abs(missing - counts[i]) / totals
        if free(i) and after.sum() < (np.abs(missing) / totals).sum():
            hold(i)
    for scene in range(counts.shape[1]):  # a scene may have only locations that are far larger than its share
        if not counts[held, scene].any():
            candidates = [i for i in range(len(counts)) if counts[i, scene] and free(i)]
            if candidates:
                hold(min(candidates, key=lambda i: (counts[i].sum(), i)))
    rest: list[Clip] = []
    held_out: list[Clip] = []
    for clip, i in zip(clips, location, strict=True):
        (held_out if held[i] else rest).append(clip)
    return rest, held_out


def _table(clips: Sequence[Clip]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Number of each clip's location in alphabetical order, and the clips of each location and scene."""
    location, scene = _numbers([c.location for c in clips]), _numbers([c.scene for c in clips])
    counts = np.zeros((location.max() + 1, scene.max() + 1))
    np.add.at(counts, (location, scene), 1)
    return location, counts


def _numbers(names: list[str]) -> npt.NDArray[np.int64]:
    number = {name: i for i, name in enumerate(sorted(set(names)))}
    return np.array([number[name] for name in names], np.int64)
