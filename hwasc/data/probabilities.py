"""Probabilities that are given in the place of logits. Their logarithm is logits: its softmax gives the probabilities back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FLOOR = 1e-7  # below it, a softmax in float32 gives no reliable number
TOLERANCE = 1e-3  # of a row's sum
DECIMALS = (1, 2, 3)  # rounded numbers of so many decimals may add up to somewhat more or less
SLIGHTLY = 1e-6  # below 0 or above 1 by rounding


@dataclass(frozen=True, kw_only=True)
class Logits:
    """Logits, and what they were given as.

    Attributes:
        values: (clips, classes).
        note: A sentence about what was found and done; empty where they were given as logits.
        changed: Whether a logarithm was taken.
    """

    values: npt.NDArray[np.float64]
    note: str = ""
    changed: bool = False


def as_logits(values: npt.NDArray[np.float64]) -> Logits:
    """Recognise probabilities and percentages, by all rows together, and take their logarithm.

    Args:
        values: Finite numbers of shape (clips, classes).

    Returns:
        Logits. Rows within 0..1 (or 0..100) are probabilities where every row adds up to 1 (100).
    """
    if not values.size or values.shape[1] < 2:
        return Logits(values=values)
    for whole, words in ((1.0, "probabilities"), (100.0, "percentages")):
        shares = values / whole
        if shares.min() < -SLIGHTLY or shares.max() > 1 + SLIGHTLY:
            continue
        if np.abs(shares.sum(1) - 1).max() <= _tolerance(shares):
            note = f"the rows are {words} (each adds up to {whole:g}), not logits; their logarithm is used"
            return Logits(values=np.log(np.clip(shares, FLOOR, 1)), note=note, changed=True)
        if whole == 1 and len(values) > 1:
            note = "all numbers are within 0 to 1, but rows do not add up to 1; logits are expected, not a sigmoid's scores"
            return Logits(values=values, note=note)
    return Logits(values=values)


def _tolerance(shares: npt.NDArray[np.float64]) -> float:
    for decimals in DECIMALS:
        if np.abs(shares - np.round(shares, decimals)).max() < 1e-7:
            return max(TOLERANCE, shares.shape[1] * 0.5 * 10.0**-decimals)
    return TOLERANCE
