"""Which recordings a split is made of, and which clips of a split were already used to train or to choose a model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hwasc.data.clips import Clip
from hwasc.data.hashing import MISSING, file_hashes
from hwasc.records.training_clips import TrainingClips

DIGITS = 16  # hexadecimal digits of a content hash that are stored: 64 bits
Progress = Callable[[int, int], None]


def recording_hashes(clips: Sequence[Clip], cache: Path, progress: Progress | None = None) -> dict[Path, str]:
    """Hash the recordings of clips by the content of their files, from the cache's index where they have not changed.

    Args:
        clips: The clips.
        cache: Folder of the index.
        progress: Called with the files done and in all.

    Returns:
        16 hexadecimal digits for each file, or `missing`.
    """
    paths = {os.fspath(clip.path): clip.path for clip in clips}
    return {paths[path]: h if h == MISSING else h[:DIGITS] for path, h in file_hashes(paths, cache, progress).items()}


def fingerprint(splits: Iterable[Sequence[Clip]], hashes: dict[Path, str]) -> str:
    """Hash what is in some splits: ids, scenes, and the contents of the files.

    Args:
        splits: The clips of each.
        hashes: Of their recordings.

    Returns:
        16 hexadecimal digits.
    """
    h = hashlib.blake2b(digest_size=8)
    for split in splits:
        for clip in split:
            h.update(f"{clip.id}\0{clip.scene}\0{hashes[clip.path]}\n".encode("utf-8", "surrogateescape"))
        h.update(b"\0\n")
    return h.hexdigest()


def describe(
    name: str,
    *,
    train: Sequence[Clip],
    validation: Sequence[Clip],
    hashes: dict[Path, str],
    sketches: dict[Path, str],
) -> TrainingClips:
    """Record the recordings of a training and a validation split.

    Args:
        name: Of the data set.
        train: Clips that are trained on.
        validation: Clips that choices are made on.
        hashes: Of the recordings.
        sketches: Of the sound of those recordings that have one.

    Returns:
        The record.
    """

    def recordings(clips: Sequence[Clip]) -> dict[str, str]:
        found = {hashes[c.path]: sketches.get(c.path, "") for c in clips if hashes[c.path] != MISSING}
        return dict(sorted(found.items()))

    return TrainingClips(data=name, train=recordings(train), validation=recordings(validation))


def known_places(
    clips: Sequence[Clip],
    record: TrainingClips,
    *,
    hashes: dict[Path, str],
    alike: Callable[[list[Path], list[str]], list[bool]],
) -> frozenset[str]:
    """Find the locations of which a recording is known to a model.

    All clips of a location are on one side of every split, so a location of which one recording was used is known.

    Args:
        clips: The clips to look through.
        record: What the model was trained on and chosen by.
        hashes: Of the recordings of the clips.
        alike: Whether recordings sound like one of some sketches.

    Returns:
        Names of the locations.
    """
    places: dict[Path, set[str]] = {}
    for clip in clips:
        places.setdefault(clip.path, set()).add(clip.location)
    found = [path for path in places if hashes[path] in record.recordings]
    others = [path for path in places if hashes[path] not in record.recordings and hashes[path] != MISSING]
    sketches = [s for s in record.recordings.values() if s]
    if sketches and others:
        found += [path for path, known in zip(others, alike(others, sketches), strict=True) if known]
    return frozenset(place for path in found for place in places[path])
