"""Splits that never separate the clips of one location, stratified by scene, the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hwasc.data.clips import Clip


def folds(clips: Sequence[Clip], count: int, seed: int) -> list[int]:
    """A fold 0 ... count-1 for each clip: location-disjoint, stratified by scene, balanced by number of clips.

    Locations go, the largest first, to the fold that has the least of what they bring (ties: the emptier fold, then by
    seed). A scene with at least `count` locations of its own is thereby in every fold. Raises ValueError for count < 1.
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


def hold_out(clips: Sequence[Clip], share: float, seed: int, keep: int = 1) -> tuple[list[Clip], list[Clip]]:
    """(kept, held) in the given order: whole locations, about `share` of the clips of every scene in `held`.

    Locations are tried in random order and held if that brings their scenes nearer to the share. Every scene keeps at
    least `keep` locations, and has at least one held where it has more than that and its locations are its own.
    Raises ValueError for a share outside 0 ... 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share must lie between 0 and 1, found {share}")
    if not clips:
        return [], []
    location, counts = _table(clips)
    totals = counts.sum(axis=0)
    spare = (counts > 0).sum(axis=0) - keep  # locations that each scene can still give away
    held = np.zeros(len(counts), dtype=bool)
    missing = share * totals

    def hold(i: int) -> None:
        nonlocal spare, missing
        held[i], spare, missing = True, spare - (counts[i] > 0), missing - counts[i]

    def free(i: int) -> bool:
        return not held[i] and bool((spare[counts[i] > 0] > 0).all())

    for i in np.random.default_rng(seed).permutation(len(counts)):
        after = np.abs(missing - counts[i]) / totals
        if free(i) and after.sum() < (np.abs(missing) / totals).sum():
            hold(i)
    for scene in range(counts.shape[1]):  # scenes whose locations are all far larger than the share
        if not counts[held, scene].any():
            candidates = [i for i in range(len(counts)) if counts[i, scene] and free(i)]
            if candidates:
                hold(min(candidates, key=lambda i: (counts[i].sum(), i)))
    kept: list[Clip] = []
    out: list[Clip] = []
    for clip, place in zip(clips, location, strict=True):
        (out if held[place] else kept).append(clip)
    return kept, out


def _table(clips: Sequence[Clip]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Each clip's location number, and the clips per location and scene; locations in alphabetical order."""
    _, location = np.unique([c.location for c in clips], return_inverse=True)
    _, scene = np.unique([c.scene for c in clips], return_inverse=True)
    counts = np.zeros((location.max() + 1, scene.max() + 1))
    np.add.at(counts, (location, scene), 1)
    return location, counts
