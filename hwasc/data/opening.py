"""Opening a data folder: its layout is recognised, and its clips are split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from hwasc.data import folder, tau
from hwasc.data.clips import Dataset
from hwasc.errors import DataError, UsageError


def open_dataset(
    path: Path,
    *,
    seconds: float = 1.0,
    subset: str | None = None,
    seed: int = 0,
    validation_share: float = 0.2,
    test_share: float = 0.25,
    fold: tuple[int, int] | None = None,
    split: Literal["test", "all"] = "test",
) -> Dataset:
    """Open a data folder: TAU 2022 Mobile with its official lists, or any folder of recordings.

    The clips are split by location and stratified by scene. The same seed and clips give the same splits.

    Args:
        path: The data folder.
        seconds: Length of a clip in seconds, above 0.
        subset: DCASE subset of the official training clips: `5`, `10`, `25`, `50` or `100` percent.
        seed: Seed of the splits.
        validation_share: Share of the training clips to hold out for validation, between 0 and 1.
        test_share: Share of all clips to hold out for the test if there is no official evaluation list, between 0 and 1.
        fold: Instead of `test_share`: (k, n) tests on the k-th of n parts of the locations.
        split: `all`: every clip is a test clip, and any number of places and scenes will do.

    Returns:
        The data set.

    Raises:
        DataError: The folder cannot be used.
        UsageError: An argument is out of its range, or does not apply to this folder.
    """
    root = Path(path)
    if not root.exists():
        raise DataError(f"{root}: there is no such data folder; check the path")
    if not root.is_dir():
        raise DataError(f"{root}: is a file; give the folder of the recordings")
    if not 0 < seconds < float("inf"):
        raise UsageError(f"seconds must be above 0, found {seconds}")
    for name, share in (("validation_share", validation_share), ("test_share", test_share)):
        if not 0 < share < 1:
            raise UsageError(f"{name} must lie between 0 and 1, found {share}")
    if tau.has_official_lists(root):
        if fold is not None:
            raise UsageError(f"data.fold: {root} has official lists, which define the test clips; leave it out")
        official = tau.open_tau(root, seconds=seconds, subset=subset, seed=seed, validation_share=validation_share)
        return _unsplit(official) if split == "all" else official
    if subset is not None:
        raise DataError(f"{root}: subset {subset} needs the official lists fold1_train.csv and fold1_evaluate.csv")
    return folder.open_folder(
        root,
        seconds=seconds,
        seed=seed,
        validation_share=validation_share,
        test_share=test_share,
        fold=fold,
        whole=split == "all",
    )


def _unsplit(d: Dataset) -> Dataset:
    return replace(d, train=(), validation=(), test=(*d.train, *d.validation, *d.test), drawn="", whole=True)
