"""Dividing clips into training, validation and test: by an official split, by official folds, or drawn by location."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwasc.data import splits
from hwasc.data.clips import Clip, check_locations
from hwasc.data.layouts.base import TEST, VALIDATION, Recording
from hwasc.errors import DataError, UsageError


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What a split is drawn by.

    Attributes:
        seed: Seed of the draw.
        validation: Share of the clips outside of the test to hold out for validation.
        test: Share of all clips for the test, if nothing official says which.
        fold: Instead of `test`: (k, n), the k-th of n parts or official folds, k from 1 on.
    """

    seed: int
    validation: float
    test: float
    fold: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Division:
    """Clips in three splits that share no location.

    Attributes:
        train: Training clips.
        validation: Validation clips.
        test: Test clips.
        drawn: How they were made, in a few words.
        notes: Lines for the user.
    """

    train: list[Clip]
    validation: list[Clip]
    test: list[Clip]
    drawn: str
    notes: tuple[str, ...] = ()


def divide(
    root: Path,
    recordings: Sequence[Recording],
    clips: Mapping[str, list[Clip]],
    *,
    classes: Sequence[str],
    shares: Shares,
    unusable: str = "",
) -> Division:
    """Divide the clips of recordings.

    Args:
        root: The data folder, for messages.
        recordings: The recordings that can be used.
        clips: Of each of them.
        classes: The scenes.
        shares: What is drawn, and how.
        unusable: Words on recordings that cannot be used, for messages.

    Returns:
        The splits.

    Raises:
        DataError: A scene has too few locations, or an official split lacks it.
        UsageError: `data.fold` does not fit the official split or folds.
    """
    if any(r.part for r in recordings):
        if shares.fold:
            raise UsageError(f"data.fold: {root} has an official split, which defines the test clips; leave it out")
        side = {r.name: r.part for r in recordings}
        if TEST not in side.values():
            raise DataError(f"{root}: no recording of the official test split can be used{unusable}")
        made = "official split"
        return _official(root, side, clips, classes=classes, shares=shares, made=made, unusable=unusable)
    folds = official_folds(recordings)
    if folds:
        part, count = shares.fold or (1, len(folds))
        if count != len(folds):
            raise UsageError(
                f"data.fold: {root} has {len(folds)} official folds ({', '.join(folds)}); expected k/{len(folds)}, e.g. "
                f"1/{len(folds)}, found {part}/{count}"
            )
        side = {r.name: TEST if r.fold == folds[part - 1] else "" for r in recordings}
        made = f"official fold {part}/{count}"
        return _official(root, side, clips, classes=classes, shares=shares, made=made, unusable=unusable)
    return _drawn(
        root, [c for r in recordings for c in clips[r.name]], classes=classes, shares=shares, unusable=unusable
    )


def official_folds(recordings: Sequence[Recording]) -> list[str]:
    """Names of the official folds in their natural order (fold2 before fold10); fewer than two are none."""
    found = {r.fold for r in recordings} - {""}
    order = sorted(found, key=lambda f: [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", f)])
    return order if len(order) > 1 else []


def _official(
    root: Path,
    side: Mapping[str, str],
    clips: Mapping[str, list[Clip]],
    *,
    classes: Sequence[str],
    shares: Shares,
    made: str,
    unusable: str,
) -> Division:
    """The official test clips; locations that the test (or the validation) has too are left out of the others."""
    notes: list[str] = []
    test = [c for name, part in side.items() if part == TEST for c in clips[name]]
    validation = [c for name, part in side.items() if part == VALIDATION for c in clips[name]]
    rest = [c for name, part in side.items() if part not in (TEST, VALIDATION) for c in clips[name]]
    validation = _without(validation, test, "validation", "test", notes=notes)
    rest = _without(
        _without(rest, test, "training", "test", notes=notes), validation, "training", "validation", notes=notes
    )
    unknown = sorted({c.scene for c in test} - {c.scene for c in rest})
    if unknown:
        raise DataError(f"{root}: the {made} has test clips of '{unknown[0]}' and none for training{unusable}")
    why = "for training" if validation else "one for training, one for validation"
    check_locations(root, rest, classes, needed=1 if validation else 2, why=f"{why}, {made}{unusable}")
    drawn = made if validation else f"{made}, seed {shares.seed} for validation"
    if not validation:
        rest, validation = splits.hold_out(rest, shares.validation, shares.seed)
    lacking = sorted(set(classes) - {c.scene for c in test})
    if lacking:
        notes.append(f"{made}: there is no test clip of {', '.join(lacking[:5])}")
    other = re.sub(r"fold 1/", "fold 2/", made)
    choice = f" (data.fold={other.rsplit(' ', 1)[1]} takes the next)" if other != made else ""
    notes.insert(
        0,
        f"{made}{choice}: {len(test):,} test clips, {len(rest):,} for training, {len(validation):,} for validation"
        f"{'' if drawn == made else ', held out by location'}",
    )
    return Division(train=rest, validation=validation, test=test, drawn=drawn, notes=tuple(notes))


def _without(clips: list[Clip], other: list[Clip], name: str, than: str, *, notes: list[str]) -> list[Clip]:
    shared = {c.location for c in clips} & {c.location for c in other}
    if not shared:
        return clips
    kept = [c for c in clips if c.location not in shared]
    notes.append(
        f"{len(clips) - len(kept):,} {name} clips are left out: their {len(shared):,} locations are in the official {than} "
        f"split too, first {min(shared)}"
    )
    return kept


def _drawn(root: Path, clips: list[Clip], *, classes: Sequence[str], shares: Shares, unusable: str) -> Division:
    seed, fold = shares.seed, shares.fold
    if fold is None:
        check_locations(root, clips, classes, needed=3, why=f"one each for training, validation and test{unusable}")
        rest, test = splits.hold_out(clips, shares.test, seed, min_locations=2)
    else:
        part, parts = fold
        needed = max(parts, 4 if parts == 2 else 3)
        why = f"one in each of {parts} parts, two outside of the tested part{unusable}"
        check_locations(root, clips, classes, needed=needed, why=why)
        fold_of = splits.folds(clips, parts, seed)
        rest, test = (
            [c for c, k in zip(clips, fold_of, strict=True) if (k == part - 1) == tested] for tested in (False, True)
        )
    train, validation = splits.hold_out(rest, shares.validation, seed)
    drawn = f"seed {seed}, " + (f"fold {fold[0]}/{fold[1]}" if fold else f"test share {shares.test:g}")
    note = f"held out by location, seed {seed}: {len(validation):,} for validation, {len(test):,} for test"
    return Division(train=train, validation=validation, test=test, drawn=drawn, notes=(note,))
