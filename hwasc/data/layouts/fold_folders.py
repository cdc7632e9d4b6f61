"""Official folds as folders: `fold1/<scene>/<files>` to `foldN/...`, or `<scene>/fold1/<files>` and so on.

The folders are called fold, split or part with a number, in any case, with or without a dash, a blank or an underscore between.
Every file is a location of its own. The setting `data.fold=k/N` tests on the k-th fold (default: the first).
"""

from __future__ import annotations

import re

from hwasc.data import walking
from hwasc.data.layouts.base import LOOSE, Folder, Layout, Listing, Recording
from hwasc.data.layouts.vanishing import vanished

FOLD = re.compile(r"(?:cv[-_ ]?)?(?:fold|split|part|partition)[-_ ]?(\d+)", re.IGNORECASE)


def number(name: str) -> str:
    """The number of a fold by its folder's name, or '' if this is no fold."""
    match = FOLD.fullmatch(name.strip())
    return str(int(match[1])) if match else ""


def recognise(folder: Folder) -> bool:
    """By the folders' names: at least two folds, each with folders of audio; the same at the second level."""
    return bool(_outer(folder)) or _inner(folder)


def read(folder: Folder) -> Listing:
    """Read the folders."""
    outer = _outer(folder)
    recordings: list[Recording] = []
    excluded: dict[str, str] = {}
    for name in folder.files.audio:
        first, *rest = name.split("/")
        if len(rest) < 2:
            excluded[name] = LOOSE
            continue
        fold, scene = (number(first), rest[0]) if outer else (number(rest[0]), first)
        if fold:
            recordings.append(Recording(name=name, scene=scene, location=name, fold=fold))
        else:
            excluded[name] = "in no fold's folder"
    return Listing(recordings=tuple(recordings), excluded=excluded, faults=vanished(folder, 2))


def _outer(folder: Folder) -> list[str]:
    names = [n for n in walking.subfolders(folder.root) if number(n)]
    return names if len(names) > 1 and all(walking.subfolders(folder.root / n) for n in names) else []


def _inner(folder: Folder) -> bool:
    tops = walking.subfolders(folder.root)
    full = [t for t in tops if sum(bool(number(n)) for n in walking.subfolders(folder.root / t)) > 1]
    return len(full) > 1 and len(full) * 2 > len(tops)


LAYOUT = Layout(name="fold_folders", title="folders of official folds", recognise=recognise, read=read)
