"""A folder a session, recorder's day or place, and in it a folder a scene: `<session>/<scene>/<files>`.

The scene is the second folder, and the location is the first: all recordings of a session are on one side of every split. It is
read only where `data.layout=sessions` says so.
"""

from __future__ import annotations

from hwasc.data.layouts.base import LOOSE, Folder, Layout, Listing, Recording
from hwasc.data.layouts.vanishing import vanished


def recognise(folder: Folder) -> bool:
    """Any folder with folders of audio at the second level."""
    return len(folder.seconds) > 1


def read(folder: Folder) -> Listing:
    """Read the folders."""
    recordings = [
        Recording(name=name, scene=parts[1], location=parts[0])
        for name in folder.files.audio
        for parts in [name.split("/")]
        if len(parts) > 2
    ]
    return Listing(recordings=tuple(recordings), typed=True, otherwise=LOOSE, faults=vanished(folder, 2))


LAYOUT = Layout(name="sessions", title="folders of sessions", recognise=recognise, read=read)
