"""DCASE 2013 scenes (Giannoulis and others 2013): one folder with ten files of each scene, `bus01.wav` to `tubestation10.wav`.

The folder is `scenes_stereo` (the public set) or `scenes_stereo_testset`, or any that holds nothing but such files. The scene is
the file's name without its number. Every file is a location of its own. There are no official folds in the archive.
"""

from __future__ import annotations

import posixpath
import re

from hwasc.data import walking
from hwasc.data.layouts.base import Folder, Layout, Listing, Recording

SCENES = (
    "bus", "busystreet", "office", "openairmarket", "park", "quietstreet", "restaurant", "supermarket", "tube", "tubestation",
)  # fmt: skip
FOLDERS = ("", "scenes_stereo", "scenes_stereo_testset")
NAME = re.compile(rf"({'|'.join(sorted(SCENES, key=len, reverse=True))})\d\d\.\w+")


def recognise(folder: Folder) -> bool:
    """By the names of the files: nearly all are scenes with a number, of two scenes at least."""
    for below in FOLDERS:
        names = walking.audio_in(folder.root / below)
        scenes = [m[1] for m in map(NAME.fullmatch, names) if m]
        if len(set(scenes)) > 1 and len(scenes) == len(names):
            return True
    return False


def read(folder: Folder) -> Listing:
    """Read the names of the files."""
    matches = {
        name: NAME.fullmatch(posixpath.basename(name))
        for name in folder.files.audio
        if posixpath.dirname(name) in FOLDERS
    }
    recordings = tuple(Recording(name=n, scene=m[1], location=n) for n, m in matches.items() if m)
    return Listing(recordings=recordings, otherwise="not named after a scene with a number")


LAYOUT = Layout(name="dcase2013", title="DCASE 2013 scenes", recognise=recognise, read=read)
