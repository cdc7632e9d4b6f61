"""CochlScene (Jeong, Park 2022): `Train/`, `Val/` and `Test/` with a folder a scene, files as `Bus_user0012_14869068_000.wav`.

The folders are the official split. The location is the contributor, the part of a file's name after `user`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from hwasc.data import walking
from hwasc.data.layouts import split_folders
from hwasc.data.layouts.base import Folder, Layout, Listing, Recording

USER = re.compile(r"_(user\d+)_")


def recognise(folder: Folder) -> bool:
    """By the folders of its split and the contributors in the names of the first files."""
    if not {"Train", "Test"} <= set(walking.subfolders(folder.root)):
        return False
    scenes = walking.subfolders(folder.root / "Train")[:3]
    names = [name for scene in scenes for name in walking.audio_in(folder.root / "Train" / scene)[:5]]
    return bool(names) and all(map(USER.search, names)) and split_folders.recognise(folder)


def read(folder: Folder) -> Listing:
    """Read the folders, and the contributors in the files' names."""
    found = split_folders.read(folder)
    return replace(found, recordings=tuple(map(_with_user, found.recordings)))


def _with_user(r: Recording) -> Recording:
    user = USER.search(r.name.rsplit("/", 1)[-1])
    return replace(r, location=user[1] if user else r.name)


LAYOUT = Layout(name="cochlscene", title="CochlScene", recognise=recognise, read=read)
