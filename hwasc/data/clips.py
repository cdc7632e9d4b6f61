"""The clip table: what every part means by a clip and a data set, and the one door to open either kind of folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hwasc.errors import DataError, UsageError


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


def open_dataset(
    path: Path,
    *,
    seconds: float = 1.0,
    subset: str | None = None,
    seed: int = 0,
    validation_share: float = 0.2,
    test_share: float = 0.25,
    fold: tuple[int, int] | None = None,
) -> Dataset:
    """Open a data folder: TAU 2022 Mobile with its official lists, or any folder of recordings.

    seconds: length of a clip. subset: a DCASE list of the official training clips, `5`, `10`, `25`, `50` or `100` (percent).
    validation_share: of the training clips, held out by location, stratified by scene. test_share: the same of all
    clips, where there is no official evaluation list; fold (k, n) takes the k-th of n parts of the locations instead. The same
    seed and clips give the same splits.

    Raises DataError with one line that says what is wrong, where, and what to do.
    """
    from hwasc.data import folder, tau

    root = Path(path)
    if not root.exists():
        raise DataError(f"{root}: there is no such data folder; check the path")
    if not root.is_dir():
        raise DataError(f"{root}: is a file; give the folder that holds the recordings")
    if not 0 < seconds < float("inf"):
        raise UsageError(f"seconds must be above 0, found {seconds}")
    for name, share in (("validation_share", validation_share), ("test_share", test_share)):
        if not 0 < share < 1:
            raise UsageError(f"{name} must lie between 0 and 1, found {share}")
    if tau.has_official_lists(root):
        if fold is not None:
            raise UsageError(f"data.fold: {root} has official lists, which say what is tested; leave it out")
        return tau.open_tau(root, seconds=seconds, subset=subset, seed=seed, validation_share=validation_share)
    if subset is not None:
        raise DataError(f"{root}: subset {subset} needs the official lists fold1_train.csv and fold1_evaluate.csv")
    return folder.open_folder(
        root, seconds=seconds, seed=seed, validation_share=validation_share, test_share=test_share, fold=fold
    )


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
