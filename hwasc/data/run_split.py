"""How a run would split a data folder, or why it could not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwasc.data import folder, tau
from hwasc.data.clips import Dataset
from hwasc.data.cutting import Lengths
from hwasc.data.dividing import Shares
from hwasc.data.folder import Opened
from hwasc.errors import DataError, UsageError
from hwasc.records.data_settings import DataSettings


@dataclass(frozen=True, kw_only=True)
class Split:
    """A folder as a run splits it.

    Attributes:
        dataset: Its clips; None if it cannot be split.
        faults: Why it cannot.
        notes: Lines for the user.
    """

    dataset: Dataset | None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def drawn(
    opened: Opened, lengths: Lengths, *, seconds: float, data: DataSettings, seed: int = 0, measured: bool = True
) -> Split:
    """Split a folder without official lists.

    Args:
        opened: The recordings.
        lengths: Of all of them, or why they cannot be used.
        seconds: Length of a clip in seconds.
        data: How the folder is split.
        seed: Seed of the split.
        measured: Whether the lengths are true; else the notes count nothing.

    Returns:
        The split, or why there is none.
    """
    try:
        shares = Shares(seed=seed, validation=data.validation_share, test=data.test_share, fold=data.part())
        dataset = folder.split(opened, lengths, seconds=seconds, shares=shares)
    except (DataError, UsageError) as e:
        return Split(dataset=None, faults=(str(e),), notes=opened.listing.notes)
    return Split(dataset=dataset, notes=dataset.notes if measured else opened.listing.notes)


def official(root: Path, *, seconds: float, data: DataSettings, seed: int = 0) -> Split:
    """The split of official lists. What is wrong with the lists is said elsewhere.

    Args:
        root: The data folder.
        seconds: Length of a clip in seconds.
        data: Which fold and subset.
        seed: Seed of the validation split.

    Returns:
        The split; without a data set if the lists cannot be used.
    """
    try:
        dataset = tau.open_tau(
            root,
            seconds=seconds,
            subset=data.subset,
            seed=seed,
            validation_share=data.validation_share,
            look_for_audio=False,
            fold=data.part(),
            rename=data.rename,
        )
    except (DataError, UsageError):
        return Split(dataset=None)
    return Split(dataset=dataset, notes=dataset.notes)
