"""A folder a scene: `<scene>/<files>`, at any depth below. Every file is a location of its own.

Names of folders that rather mean a split, a fold, a device or a container are refused with the command that reads them so;
`data.layout=scenes` takes any folders as scenes.
"""

from __future__ import annotations

from hwasc.data.layouts.base import LOOSE, Folder, Layout, Listing, Recording
from hwasc.data.layouts.vanishing import vanished

RESPONSES = "impulse_responses"  # not a scene: the augmentation looks for it in every data set


def recognise(folder: Folder) -> bool:
    """Any folder with a folder of audio."""
    return any("/" in name for name in folder.files.audio)


def read(folder: Folder) -> Listing:
    """Read the folders."""
    recordings = tuple(
        Recording(name=name, scene=scene, location=name)
        for name in folder.files.audio
        for scene, slash, _ in [name.partition("/")]
        if slash and scene != RESPONSES
    )
    return Listing(recordings=recordings, otherwise=LOOSE, faults=vanished(folder))


def scenes(folder: Folder) -> list[str]:
    """Names of the folders at the top that hold audio at any depth."""
    return sorted({name.split("/")[0] for name in folder.files.audio if "/" in name} - {RESPONSES})


LAYOUT = Layout(name="scenes", title="a folder a scene", recognise=recognise, read=read)
