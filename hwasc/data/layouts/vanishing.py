"""Folders of scenes without a recording that can be read: their scenes would vanish."""

from __future__ import annotations

from collections.abc import Sequence

from hwasc.data import walking
from hwasc.data.layouts.base import Folder


def vanished(folder: Folder, depth: int = 1) -> tuple[str, ...]:
    """Folders that would be scenes but for what is in them: nothing, or formats that cannot be read.

    Args:
        folder: The data folder.
        depth: Level of the folders of scenes below it.

    Returns:
        A line each. A folder of other files, documents for instance, is none of them.
    """

    def at_depth(names: Sequence[str]) -> dict[str, str]:
        """The first file of each folder."""
        return {"/".join(name.split("/")[:depth]): name for name in reversed(names) if name.count("/") >= depth}

    taken = at_depth(folder.files.audio)
    unread = at_depth(folder.files.left_out.get(walking.UNREAD, ()))
    empty = [name for name in folder.files.empty if name.count("/") < depth]
    return (
        *(f"folder '{name}' is empty: add recordings or remove it" for name in empty),
        *(
            f"folder '{name}' holds only files in formats that cannot be read (first {first}); convert them, e.g. "
            f"by `ffmpeg -i IN{walking.suffix(first)} OUT.flac`"
            for name, first in sorted(unread.items())
            if name not in taken
        ),
    )
