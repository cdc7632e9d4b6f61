"""Which files below a data folder are recordings of it, and why the others are not: every file has one reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hwasc.data import walking
from hwasc.data.layouts import scene_folders
from hwasc.data.layouts.base import LOOSE, Listing
from hwasc.data.walking import Files

USED, LISTS = "recordings", "lists of the recordings"
NAMED = 3  # file names in a line
QUIET = (walking.OTHER, walking.HIDDEN)  # what nobody expects to be used, so it is not named


def account(files: Files, listing: Listing, names: Iterable[str] | None = None) -> dict[str, tuple[str, ...]]:
    """Sort every file below a folder into one reason.

    Args:
        files: All files.
        listing: The folder's recordings; those that are missing are in no reason.
        names: Names of the recordings, where the listing has none.

    Returns:
        Names of the files by reason: `recordings`, then why the others are none. The numbers sum up to all files.
    """
    listed = {r.name for r in listing.recordings} if names is None else set(names)
    found: dict[str, list[str]] = {USED: [n for n in files.audio if n in listed]}
    for name in files.audio:
        if name not in listed:
            response = (
                "impulse responses, for the augmentation" if name.startswith(f"{scene_folders.RESPONSES}/") else ""
            )
            loose = LOOSE if "/" not in name and not listing.table else ""
            found.setdefault(response or listing.excluded.get(name) or loose or listing.otherwise, []).append(name)
    lists = {listing.table, *listing.lists}
    for reason, others in files.left_out.items():
        for name in others:
            found.setdefault(USED if name in listed else LISTS if name in lists else reason, []).append(name)
    return {reason: tuple(names) for reason, names in found.items()}


def warnings(found: Mapping[str, Sequence[str]]) -> list[str]:
    """Lines on sound that could be used after a change of its format.

    Args:
        found: Files by reason.
    """
    names = found.get(walking.UNREAD, ())
    kinds = ", ".join(sorted({walking.suffix(name)[1:] for name in names}))
    advice = f"convert them, e.g. by `ffmpeg -i IN{walking.suffix(names[0])} OUT.flac`" if names else ""
    return [f"{len(names):,} files are in formats that cannot be read ({kinds}); {advice}"] if names else []


def summary(found: Mapping[str, Sequence[str]]) -> str:
    """One line on all files that are not used, or ''.

    Args:
        found: Files by reason.
    """
    parts = [
        f"{len(names):,} {reason}" + ("" if reason in QUIET else f" ({named(names, 2)})")
        for reason, names in found.items()
        if reason not in (USED, LISTS) and names
    ]
    return f"files that are not used: {'; '.join(parts)}" if parts else ""


def named(names: Sequence[str], most: int = NAMED) -> str:
    """The first of some names.

    Args:
        names: All names.
        most: How many are printed.

    Returns:
        Their names, separated by commas.
    """
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
