"""Opening a data folder: its layout is recognised, and its clips are split."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from hwasc.data import folder, left_out, tau
from hwasc.data.clips import Dataset
from hwasc.data.dividing import Shares
from hwasc.data.layouts import Folder, Options, official_lists
from hwasc.errors import DataError, UsageError

MOST_WALKED = 10_000  # clips of official lists


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
    options: Options | None = None,
    cache: Path | None = None,
) -> Dataset:
    """Open a data folder of any known layout: TUT or TAU scenes with their official lists, or recordings.

    The clips are split by location and stratified by scene. The same seed and clips give the same splits.

    Args:
        path: The data folder.
        seconds: Length of a clip in seconds, above 0.
        subset: DCASE subset of the official training clips: `5`, `10`, `25`, `50` or `100` percent.
        seed: Seed of the splits.
        validation_share: Share of the training clips to hold out for validation, between 0 and 1.
        test_share: Share of all clips to hold out for the test if there is no official evaluation list, between 0 and 1.
        fold: Instead of `test_share`: (k, n) tests on the k-th of n parts of the locations, or of the official folds.
        split: `all`: every clip is a test clip, and any number of places and scenes will do.
        options: How the user wants the folder to be read.
        cache: Folder that keeps what is known of the recordings; None: nothing is kept. The result does not depend on it.

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
    options = options or Options()
    if official_lists.chosen(Folder(root, options)):
        with _no_collections():
            data = tau.open_tau(
                root,
                seconds=seconds,
                subset=subset,
                seed=seed,
                validation_share=validation_share,
                fold=fold,
                rename=options.rename,
            )
        data = _with_left_out(data, Folder(root, options))
        return _unsplit(data) if split == "all" else data
    if subset is not None:
        raise DataError(f"{root}: subset {subset} needs the official lists fold1_train.csv and fold1_evaluate.csv")
    shares = Shares(seed=seed, validation=validation_share, test=test_share, fold=fold)
    return folder.open_folder(root, seconds=seconds, shares=shares, whole=split == "all", options=options, cache=cache)


def _unsplit(d: Dataset) -> Dataset:
    return replace(d, train=(), validation=(), test=(*d.train, *d.validation, *d.test), drawn="", whole=True)


def _with_left_out(data: Dataset, place: Folder) -> Dataset:
    """Say which files are not used; of the largest sets only `hwasc data check` does, because it takes a tenth of the opening."""
    if len(data.train) + len(data.validation) + len(data.test) > MOST_WALKED:
        return data
    summary = left_out.summary(left_out.account(place.files, official_lists.LAYOUT.read(place)))
    return replace(data, notes=(*data.notes, summary)) if summary else data


@contextmanager
def _no_collections() -> Iterator[None]:
    """No garbage collection: it would look again and again through 400,000 rows and clips, which all stay."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
