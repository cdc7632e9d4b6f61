"""Recordings that are the same sound under several names: they count as one place, so that no split separates them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hwasc.data import fingerprints
from hwasc.data.components import groups
from hwasc.data.layouts.base import Recording

NAMED = 3  # groups in a line


@dataclass(frozen=True, kw_only=True)
class Twins:
    """Recordings of a folder, some of which are the same sound.

    Attributes:
        recordings: All recordings; twins have one location.
        groups: The twins of each sound that has several names.
        notes: Lines for the user.
    """

    recordings: tuple[Recording, ...]
    groups: tuple[tuple[Recording, ...], ...]
    notes: tuple[str, ...]


def find(recordings: Sequence[Recording], sketches: Sequence[str]) -> tuple[tuple[Recording, ...], ...]:
    """Group recordings that are the same sound.

    Args:
        recordings: The recordings.
        sketches: Fingerprint of each.

    Returns:
        Groups of two or more, by name.
    """
    order = sorted(range(len(recordings)), key=lambda i: recordings[i].name)
    found = fingerprints.twins([sketches[i] for i in order])
    return tuple(tuple(recordings[order[k]] for k in group) for group in found)


def unite(recordings: Sequence[Recording], sketches: Sequence[str]) -> Twins:
    """Give recordings that are the same sound one location, and with them all others of their locations.

    An official split or official folds stand as they are.

    Args:
        recordings: The recordings.
        sketches: Fingerprint of each; '' if it is not known.

    Returns:
        The recordings, the twins, and lines for the user.
    """
    found = find(recordings, sketches)
    if any(r.part or r.fold for r in recordings) or not found:
        return Twins(recordings=tuple(recordings), groups=found, notes=tuple(lines(found)))
    places = sorted({r.location for r in recordings})
    number = {place: i for i, place in enumerate(places)}
    linked = groups(len(places), ((number[g[0].location], number[r.location]) for g in found for r in g[1:]))
    name = {places[i]: places[joined[0]] for joined in linked for i in joined}
    united = tuple(replace(r, location=name[r.location]) if r.location in name else r for r in recordings)
    return Twins(recordings=united, groups=found, notes=tuple(lines(found, one_place=True)))


def lines(found: Sequence[Sequence[Recording]], one_place: bool = False) -> list[str]:
    """Lines on recordings that are the same sound, and on those of them whose labels disagree.

    Args:
        found: Groups of twins.
        one_place: Whether each group counts as one place.

    Returns:
        None to two lines.
    """
    if not found:
        return []
    count = sum(map(len, found))
    place = "; each sound counts as one place" if one_place else ""
    said = [f"{count:,} recordings hold only {len(found):,} different sounds{place}: {_named(found)}"]
    disagreeing = [g for g in found if len({r.scene for r in g}) > 1]
    if disagreeing:
        said.append(
            f"{len(disagreeing):,} of these sounds have several labels: {_named(disagreeing, labels=True)}; keep one of each, "
            "or correct its label"
        )
    return said


def between(found: Sequence[Sequence[Recording]], side: dict[str, str]) -> list[tuple[Recording, Recording]]:
    """Twins on both sides of a split, one pair of each sound.

    Args:
        found: Groups of twins.
        side: `test`, `validation` or `train` by the name of a recording.

    Returns:
        A recording that is not in the test split, and its twin that is.
    """
    pairs = []
    for group in found:
        test = next((r for r in group if side.get(r.name) == "test"), None)
        rest = next((r for r in group if side.get(r.name, "test") != "test"), None)
        if test and rest:
            pairs.append((rest, test))
    return pairs


def _named(found: Sequence[Sequence[Recording]], labels: bool = False) -> str:
    def shown(group: Sequence[Recording]) -> str:
        if labels:
            scenes = {r.scene: r for r in reversed(group)}
            group = [scenes[s] for s in sorted(scenes)]
        names = [f"{r.name} ({r.scene})" if labels else r.name for r in group[:3]]
        return " = ".join(names) + (" = ..." if len(group) > 3 else "")

    return ", ".join(map(shown, found[:NAMED])) + (", ..." if len(found) > NAMED else "")
