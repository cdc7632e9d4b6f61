"""The records of a clip and of a data set, and checks that every data set must pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwasc.errors import DataError


class UnsplittableError(DataError):
    """A folder has too few scenes or locations for training, validation and test clips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A fixed-length excerpt of a recording.

    Attributes:
        id: Posix path of the file below the data folder, followed by `#<start seconds>` if the recording has several clips.
        path: The file.
        start: Start within the recording, in seconds.
        seconds: Length in seconds.
        scene: Name of the class.
        location: Where the recording was made; all clips of a location are in the same split.
        device: The recording device.
    """

    id: str
    path: Path
    start: float
    seconds: float
    scene: str
    location: str
    device: str


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Clips in three splits that share no location.

    Attributes:
        name: Name of the folder.
        root: The data folder.
        classes: Scenes in alphabetical order.
        train: Training clips.
        validation: Validation clips.
        test: Test clips.
        notes: Lines for the user about the splits.
        drawn: How the splits were made, in a few words, e.g. `official lists`.
        whole: Whether the folder is not split: every clip is in `test`.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]
    notes: tuple[str, ...] = ()
    drawn: str = ""
    whole: bool = False

    def label(self, clip: Clip) -> int:
        """Index of the clip's scene in `classes`."""
        return self.classes.index(clip.scene)


def check_classes(root: Path, clips: Iterable[Clip]) -> tuple[str, ...]:
    """List the scenes of the clips, at least two.

    Args:
        root: The data folder, for the message.
        clips: The clips.

    Returns:
        The scenes in alphabetical order.

    Raises:
        UnsplittableError: There are fewer than two scenes.
    """
    scenes = tuple(sorted({clip.scene for clip in clips}))
    if len(scenes) < 2:
        only = f"only the scene '{scenes[0]}'" if scenes else "no scene"
        raise UnsplittableError(f"{root}: holds {only}; a classifier needs clips of at least two")
    return scenes


def check_locations(root: Path, clips: Sequence[Clip], classes: Sequence[str], *, needed: int, why: str) -> None:
    """Check that each scene was recorded at enough locations.

    Args:
        root: The data folder, for the message.
        clips: The clips.
        classes: The scenes.
        needed: Least number of locations of a scene.
        why: What they are needed for, for the message.

    Raises:
        UnsplittableError: A scene has fewer locations.
    """
    locations: dict[str, set[str]] = {scene: set() for scene in classes}
    for clip in clips:
        locations[clip.scene].add(clip.location)
    for scene, found in locations.items():
        if len(found) < needed:
            raise UnsplittableError(
                f"{root}: too few locations of '{scene}': {len(found)} can be read, {needed} are needed ({why}); "
                "record more places or leave the scene out"
            )
