"""Folders of recordings without official lists: `<scene>/<files>`, or a `meta.csv` with the four columns of TAU."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hwasc.audio.reading import AUDIO_SUFFIXES, UnreadableClip, clip_count, duration
from hwasc.data import splits, tables
from hwasc.data.clips import Clip, Dataset, check_classes, check_locations
from hwasc.errors import DataError

UNKNOWN_DEVICE = "unknown"


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of a data folder.

    Attributes:
        name: Posix path below the data folder.
        scene: Name of the class.
        location: Where it was recorded.
        device: The recording device.
    """

    name: str
    scene: str
    location: str
    device: str


def open_folder(
    root: Path,
    *,
    seconds: float,
    seed: int,
    validation_share: float,
    test_share: float,
    fold: tuple[int, int] | None = None,
    whole: bool = False,
) -> Dataset:
    """Cut recordings into clips that do not overlap, and split the clips by location.

    The location is the identifier column of meta.csv. In `<scene>/<file>` folders each recording counts as a location.
    Unreadable recordings, and those shorter than a clip, are not split; each is added as one training clip, so that the
    feature extraction lists it with the reason.

    Args:
        root: The data folder.
        seconds: Length of a clip in seconds.
        seed: Seed of the splits.
        validation_share: Share of the clips outside of the test set to hold out for validation, between 0 and 1.
        test_share: Share of all clips to hold out for the test, between 0 and 1.
        fold: Instead of `test_share`: (k, n) tests on the k-th of n parts, k from 1 on.
        whole: Do not split: every clip is a test clip, and any number of locations and scenes will do.

    Returns:
        The data set.

    Raises:
        DataError: There are no recordings, files are missing, there is only one scene, or a scene has fewer than three
            locations.
    """
    recordings, notes = list_recordings(root)
    table = tables.find([root], "meta.csv")
    absent = [r.name for r in recordings if not (root / r.name).is_file()] if table else []
    if absent:
        raise DataError(
            f"{table}: {len(absent):,} of {len(recordings):,} files are missing, first "
            f"{', '.join(absent[:3])}; paths are relative to the folder of meta.csv"
        )
    clips: list[Clip] = []
    broken: list[Clip] = []
    reasons: list[str] = []
    for recording in recordings:
        path = root / recording.name
        try:
            length = duration(path)
            starts = [k * seconds for k in range(clip_count(length, seconds))]
            if not starts:
                raise UnreadableClip(f"too short: {length:.2f} s of {seconds:g} s")
        except UnreadableClip as e:
            reasons.append(f"{recording.name} ({e})")
            broken.append(_clip(recording, path, recording.name, start=0.0, seconds=seconds))
            continue
        for start in starts:
            name = _clip_id(recording.name, start) if len(starts) > 1 else recording.name
            clips.append(_clip(recording, path, name, start=start, seconds=seconds))
    if whole:
        return _whole(root, [*clips, *broken], notes)
    classes = check_classes(root, [*clips, *broken])
    unusable = f"; {len(broken)} of {len(recordings)} recordings cannot be used, first {reasons[0]}" if broken else ""
    if fold is None:
        check_locations(root, clips, classes, needed=3, why=f"one each for training, validation and test{unusable}")
        rest, test = splits.hold_out(clips, test_share, seed, min_locations=2)
    else:
        part, parts = fold
        needed = max(parts, 4 if parts == 2 else 3)
        why = f"one in each of {parts} parts, two outside of the tested part{unusable}"
        check_locations(root, clips, classes, needed=needed, why=why)
        fold_of = splits.folds(clips, parts, seed)
        rest, test = (
            [c for c, k in zip(clips, fold_of, strict=True) if (k == part - 1) == tested] for tested in (False, True)
        )
    train, validation = splits.hold_out(rest, validation_share, seed)
    notes.append(
        f"{len(clips):,} clips of {seconds:g} s from {len(recordings) - len(broken):,} recordings; held out by "
        f"location, seed {seed}: {len(validation):,} for validation, {len(test):,} for test"
    )
    if broken:
        notes.append(unusable.removeprefix("; "))
    return Dataset(
        name=root.resolve().name,
        root=root,
        classes=classes,
        train=(*train, *broken),
        validation=tuple(validation),
        test=tuple(test),
        notes=tuple(notes),
        drawn=f"seed {seed}, " + (f"fold {fold[0]}/{fold[1]}" if fold else f"test share {test_share:g}"),
    )


def _whole(root: Path, clips: list[Clip], notes: list[str]) -> Dataset:
    return Dataset(
        name=root.resolve().name,
        root=root,
        classes=tuple(sorted({c.scene for c in clips})),
        train=(),
        validation=(),
        test=tuple(clips),
        notes=(*notes, f"{len(clips):,} clips, all of them to be measured"),
        whole=True,
    )


def list_recordings(root: Path) -> tuple[list[Recording], list[str]]:
    """List the recordings by `meta.csv`, whose files may be missing, or by scene folders; and notes for the user.

    Raises:
        DataError: The table is broken, or there are no recordings.
    """
    table = tables.find([root], "meta.csv")
    if table:
        return [Recording(*row) for row in tables.read(table, tables.META_COLUMNS)], []
    return _from_folders(root)


def _from_folders(root: Path) -> tuple[list[Recording], list[str]]:
    recordings: list[Recording] = []
    hidden = other = 0
    for scene in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")):
        for folder, below, files in os.walk(scene):
            below[:] = sorted(d for d in below if not d.startswith("."))
            for file in sorted(files):
                if file.startswith("."):
                    hidden += 1
                elif os.path.splitext(file)[1].lower() not in AUDIO_SUFFIXES:
                    other += 1
                else:
                    name = (Path(folder) / file).relative_to(root).as_posix()
                    recordings.append(Recording(name, scene.name, name, UNKNOWN_DEVICE))
    if not recordings:
        inner = next(iter(sorted(root.glob("*/meta.csv*"))), None)
        advice = f"did you mean {inner.parent}?" if inner else "expected one of them"
        raise DataError(f"{root}: there is neither a meta.csv nor a scene folder with recordings; {advice}")
    ignored = [f"{other:,} files that are not audio" if other else "", f"{hidden:,} hidden files" if hidden else ""]
    return recordings, [f"ignored: {' and '.join(filter(None, ignored))}"] if other or hidden else []


def _clip(recording: Recording, path: Path, name: str, *, start: float, seconds: float) -> Clip:
    return Clip(
        id=name,
        path=path,
        start=start,
        seconds=seconds,
        scene=recording.scene,
        location=recording.location,
        device=recording.device,
    )


def _clip_id(name: str, start: float) -> str:
    return f"{name}#{f'{start:.6f}'.rstrip('0').rstrip('.')}"
