"""Shortcuts: properties of the files that tell the class by themselves, so that a model may learn them instead of the scene."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwasc.data.chance import p_of_names, p_of_ranks

BINS = 48  # of a number
BEYOND_CHANCE = 0.3  # (accuracy - chance) / (1 - chance) that is worth a warning
SIGMAS = 3.95  # of the balanced accuracy of guesses, for a number; see tests for how often a clean folder is beyond it
SIGMAS_OF_NAMES = 3.0  # the same for a property with a few values
BY_CHANCE = 1e-3  # greatest p of a second test, by ranks, of a number
BY_CHANCE_OF_NAMES = 1e-4  # the same of a property with a few values, chi-squared
MOST_PLACES = 4000  # that are left out one at a time


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """A property that tells the class.

    Attributes:
        name: What it is called.
        accuracy: Mean over the classes of the share that a classifier of this property alone gets right, places held out.
        chance: What guessing gets right.
    """

    name: str
    accuracy: float
    chance: float


def find(
    scenes: Sequence[str], places: Sequence[str], properties: Mapping[str, Sequence[float] | Sequence[str]]
) -> list[Shortcut]:
    """Find the properties that tell the class clearly better than chance.

    Each property is tested alone: the class of the recordings of a place is the likeliest by those of all other places.

    Args:
        scenes: Class of each recording.
        places: Its place.
        properties: Values of each recording by the name of the property: texts, or numbers.

    Returns:
        The best first.
    """
    classes = sorted(set(scenes))
    if len(classes) < 2:
        return []
    number = {scene: i for i, scene in enumerate(classes)}
    labels = np.array([number[s] for s in scenes])
    # places of a class, one more where a place has several: the number of independent trials
    trials = np.array([len({p for p, s in zip(places, scenes, strict=True) if s == c}) for c in classes])
    chance = 1 / len(classes)
    spread = float(np.sqrt(np.sum(chance * (1 - chance) / trials))) / len(classes)
    found = []
    for name, values in properties.items():
        codes, kernel = _coded(values)
        if codes.max(initial=0) == 0:
            continue
        accuracy = _accuracy(codes, kernel, labels, places)
        named = isinstance(values[0], str)
        if accuracy - chance <= max(BEYOND_CHANCE * (1 - chance), (SIGMAS_OF_NAMES if named else SIGMAS) * spread):
            continue
        if named:
            likely = p_of_names(codes, labels, places) < BY_CHANCE_OF_NAMES
        else:
            likely = p_of_ranks(np.array(values, np.float64), labels, places) < BY_CHANCE
        if likely:
            found.append(Shortcut(name=name, accuracy=accuracy, chance=chance))
    return sorted(found, key=lambda s: -s.accuracy)


def _coded(
    values: Sequence[float] | Sequence[str],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Values as small numbers, and how much each counts for its neighbours: (codes, codes)."""
    if isinstance(values[0], str):
        known = {v: i for i, v in enumerate(sorted(set(map(str, values))))}
        return np.array([known[str(v)] for v in values]), np.eye(len(known))
    x = np.array(values, np.float64)
    low, high = np.quantile(x, [0.01, 0.99])
    if high <= low:
        return np.zeros(len(x), np.int64), np.eye(1)
    codes = np.clip((x - low) / (high - low) * BINS, 0, BINS - 1).astype(np.int64)
    quarter, three = np.quantile(x, [0.25, 0.75])
    width = 0.5 * min(float(x.std()), (three - quarter) / 1.34 or float(x.std())) * len(x) ** -0.2
    width = max(width / (high - low) * BINS, 0.7)
    distance = np.arange(BINS)[:, None] - np.arange(BINS)
    return codes, np.exp(-0.5 * (distance / width) ** 2)


def _accuracy(
    codes: npt.NDArray[np.int64],
    kernel: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    places: Sequence[str],
) -> float:
    """Balanced accuracy of the likeliest class by the recordings of all other places; ties count in part."""
    count = int(labels.max()) + 1
    table = np.zeros((count, len(kernel)))
    np.add.at(table, (labels, codes), 1)
    members: defaultdict[str, list[int]] = defaultdict(list)
    for i, place in enumerate(places):
        members[place].append(i)
    chosen = sorted(members)
    if len(chosen) > MOST_PLACES:
        chosen = [chosen[k] for k in np.random.default_rng(0).choice(len(chosen), MOST_PLACES, replace=False)]
    right, total = np.zeros(count), np.zeros(count)
    for place in chosen:
        own = np.array(members[place])
        rest = table.copy()
        np.add.at(rest, (labels[own], codes[own]), -1)
        seen = np.maximum(rest.sum(axis=1, keepdims=True), 1)
        for code, group in Counter(zip(codes[own].tolist(), labels[own].tolist(), strict=True)).items():
            likely = (rest @ kernel[:, code[0]]) / seen[:, 0]
            best = likely >= likely.max() * (1 - 1e-9)
            right[code[1]] += group * (best[code[1]] / best.sum())
            total[code[1]] += group
    return float(np.mean(right[total > 0] / total[total > 0]))


def lines(found: Sequence[Shortcut]) -> list[str]:
    """A warning on the properties that tell the class, or none.

    Args:
        found: The properties, the best first.
    """
    if not found:
        return []
    names = " or ".join(s.name for s in found)
    shares = ", ".join(f"{s.accuracy:.0%}" for s in found)
    alone = "alone tells"
    return [
        f"the {names} {alone} the class of {shares} (chance {found[0].chance:.0%}): the model will learn it instead of the "
        "scene; make it the same for all classes, or record each class in several ways"
    ]
