"""The clip table: what every part means by a clip and a data set, and the one door to open either kind of folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hwasc.errors import DataError


@dataclass(frozen=True, slots=True)
class Clip:
    """A fixed-length excerpt of a recording.

    id: the file's path below the data folder, posix, plus `#<start seconds>` where a recording gives several clips.
    start, seconds: s. location: where it was made; splits never separate clips of one. device: the recorder.
    """

    id: str
    path: Path
    start: float
    seconds: float
    scene: str
    location: str
    device: str


@dataclass(frozen=True)
class Dataset:
    """Clips in three location-disjoint splits. classes: scenes, alphabetical. notes: lines that a person should see."""

    name: str
    root: Path
    classes: tuple[str, ...]
    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]
    notes: tuple[str, ...] = ()

    def label(self, clip: Clip) -> int:
        """Index of the clip's scene in `classes`."""
        return self.classes.index(clip.scene)

    @cached_property
    def fingerprint(self) -> str:
        """Hash over ids, scenes and splits (not over the sound): 16 hexadecimal digits."""
        h = hashlib.blake2b(digest_size=8)
        for split in (self.train, self.validation, self.test):
            for clip in split:
                h.update(f"{clip.id}\0{clip.scene}\n".encode("utf-8", "surrogateescape"))
            h.update(b"\0\n")
        return h.hexdigest()


def check_classes(root: Path, clips: Iterable[Clip]) -> tuple[str, ...]:
    """The scenes of the clips, alphabetical; DataError for fewer than two."""
    scenes = tuple(sorted({clip.scene for clip in clips}))
    if len(scenes) < 2:
        only = f"only the scene '{scenes[0]}'" if scenes else "no scene"
        raise DataError(f"{root}: holds {only}; a classifier needs clips of at least two")
    return scenes


def check_locations(root: Path, clips: Sequence[Clip], classes: Sequence[str], needed: int, why: str) -> None:
    """DataError if a scene was recorded at fewer than `needed` locations."""
    places: dict[str, set[str]] = {scene: set() for scene in classes}
    for clip in clips:
        places[clip.scene].add(clip.location)
    for scene, found in places.items():
        if len(found) < needed:
            raise DataError(
                f"{root}: too few locations of '{scene}': {len(found)} can be read, {needed} are needed ({why}); "
                "record more places or leave the scene out"
            )
