"""Tests of whether a property of recordings has to do with their class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def p_of_ranks(values: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], places: Sequence[str]) -> float:
    """Probability that a number without relation to the class looks so related, by the test of Kruskal and Wallis.

    Args:
        values: The number of each recording.
        labels: Its class.
        places: Its place; each counts once.

    Returns:
        p.
    """
    import scipy.stats

    own: defaultdict[tuple[int, str], list[float]] = defaultdict(list)
    for value, label, place in zip(values.tolist(), labels.tolist(), places, strict=True):
        own[label, place].append(value)
    groups: defaultdict[int, list[float]] = defaultdict(list)
    for (label, _), found in own.items():
        groups[label].append(sum(found) / len(found))
    return float(scipy.stats.kruskal(*groups.values()).pvalue)


def p_of_names(codes: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], places: Sequence[str]) -> float:
    """Probability that a property without relation to the class looks so related, by the chi-squared test.

    Args:
        codes: The property of each recording, from 0 on.
        labels: Its class.
        places: Its place; each counts once.

    Returns:
        p.
    """
    import scipy.stats

    sizes = Counter(places)
    table = np.zeros((int(labels.max()) + 1, int(codes.max()) + 1))
    np.add.at(table, (labels, codes), [1 / sizes[p] for p in places])
    return float(scipy.stats.chi2_contingency(table, correction=False).pvalue)
