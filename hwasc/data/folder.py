"""Any folder of recordings: `<scene>/<files>`, or a `meta.csv` in TAU's four columns without official lists."""

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
    """A file with what is known about it; name is its posix path below the root."""

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
) -> Dataset:
    """Cut the recordings into clips of `seconds` s that do not overlap, and split them by location.

    location: the identifier column of meta.csv; in `<scene>/<file>` folders, where nothing else is known, the
    recording. Test clips are held out of all (with fold (k, n) they are the k-th of n parts), validation clips out of the
    rest. Recordings that are broken, or shorter than a clip, take no part in the split; each stays as one training clip, so
    that making the features names it and its reason.

    Raises DataError: no recordings, absent files, one scene only, fewer than three locations of a scene.
    """
    recordings, notes = list_recordings(root)
    table = tables.find([root], "meta.csv")
    absent = [r.name for r in recordings if not (root / r.name).is_file()] if table else []
    if absent:
        raise DataError(
            f"{table}: {len(absent):,} of {len(recordings):,} files are absent, first "
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
            broken.append(_clip(recording, path, 0.0, seconds, recording.name))
            continue
        for start in starts:
            clips.append(_clip(recording, path, start, seconds, _excerpt(recording.name, start, len(starts) > 1)))
    classes = check_classes(root, [*clips, *broken])
    unusable = f"; {len(broken)} of {len(recordings)} recordings cannot be used, first {reasons[0]}" if broken else ""
    if fold is None:
        check_locations(root, clips, classes, 3, f"one each for training, validation and test{unusable}")
        rest, test = splits.hold_out(clips, test_share, seed, keep=2)
    else:
        part, parts = fold
        needed = max(parts, 4 if parts == 2 else 3)
        check_locations(root, clips, classes, needed, f"one in each of {parts} parts, two beside them{unusable}")
        of = splits.folds(clips, parts, seed)
        rest, test = (
            [c for c, k in zip(clips, of, strict=True) if (k == part - 1) == tested] for tested in (False, True)
        )
    train, validation = splits.hold_out(rest, validation_share, seed)
    notes.append(
        f"{len(clips):,} clips of {seconds:g} s from {len(recordings) - len(broken):,} recordings; held out by "
        f"location, seed {seed}: {len(validation):,} for validation, {len(test):,} for test"
    )
    if broken:
        notes.append(unusable.removeprefix("; "))
    return Dataset(root.resolve().name, root, classes, (*train, *broken), tuple(validation), tuple(test), tuple(notes))


def list_recordings(root: Path) -> tuple[list[Recording], list[str]]:
    """The recordings of a folder and notes for a person, by `meta.csv` (whose files may be absent) or scene folders.

    Raises DataError: a broken table, or nothing to be found.
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
        hint = f"did you mean {inner.parent}?" if inner else "expected one of them"
        raise DataError(f"{root}: there is neither a meta.csv nor a scene folder with recordings; {hint}")
    ignored = [f"{other:,} files that are not audio" if other else "", f"{hidden:,} hidden files" if hidden else ""]
    return recordings, [f"ignored: {' and '.join(filter(None, ignored))}"] if other or hidden else []


def _clip(recording: Recording, path: Path, start: float, seconds: float, name: str) -> Clip:
    return Clip(name, path, start, seconds, recording.scene, recording.location, recording.device)


def _excerpt(name: str, start: float, of_several: bool) -> str:
    return f"{name}#{f'{start:.6f}'.rstrip('0').rstrip('.')}" if of_several else name
