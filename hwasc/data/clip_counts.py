"""How many clips the files of official lists have, without opening each of 230,000."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from hwasc.audio.reading import UnreadableClip, clip_count, duration

UNCOMPRESSED = frozenset((".wav", ".wave", ".aif", ".aiff", ".aifc", ".au", ".snd", ".w64", ".rf64", ".caf"))
FEW = 1_000  # of so few files every header is read
SAMPLED = 3  # headers read of the files of one recorder, scene and size

Key = tuple[object, ...]


def long_files(root: Path, files: Mapping[str, Key], seconds: float) -> dict[str, int]:
    """Find the files that have more than one clip.

    Uncompressed files of one size, made by one recorder in one scene, have one length: of these some headers are read, and all if
    they differ. Of all other files every header is read, and of all where there are few.

    Args:
        root: The data folder.
        files: By name (posix, below the data folder): what files of one kind have in common, e.g. recorder and scene.
        seconds: Length of a clip in seconds.

    Returns:
        Number of clips by name. Files of one clip, too short ones, and those that are missing or unreadable are not in it.
    """
    alike: defaultdict[Key, list[str]] = defaultdict(list)
    sampled = len(files) > FEW
    for (name, key), size in zip(files.items(), _sizes(root, files), strict=True):
        if size >= 0:  # else it is missing, as the feature extraction says
            kind = name[name.rfind(".") :].lower()
            alike[(kind, size, key) if sampled and kind in UNCOMPRESSED else (name,)].append(name)
    counts: dict[str, int] = {}
    for names in alike.values():
        step = max(1, (len(names) - 1) // (SAMPLED - 1))
        found = {name: _count(root / name, seconds) for name in names[::step][:SAMPLED]}
        if len(set(found.values())) > 1:
            found = {name: _count(root / name, seconds) for name in names}
        one = next(iter(found.values()))
        if one > 1 or len(found) == len(names):
            counts |= {name: n for name in names if (n := found.get(name, one)) > 1}
    return counts


def starts(name: str, count: int, seconds: float) -> list[tuple[str, float]]:
    """Ids and starts of the clips of a recording.

    Args:
        name: Of the recording.
        count: How many whole clips it has; 0 is as 1.
        seconds: Length of a clip in seconds.

    Returns:
        `name` alone if there is one clip, else `name#0`, `name#1.5` and so on.
    """
    if count < 2:
        return [(name, 0.0)]
    return [(f"{name}#{f'{k * seconds:.6f}'.rstrip('0').rstrip('.')}", k * seconds) for k in range(count)]


def _sizes(root: Path, names: Iterable[str]) -> list[int]:
    """Size of each file in bytes, -1 where it is missing."""
    paths = [f"{os.fspath(root)}/{name}" for name in names]
    try:
        return [found.st_size for found in map(os.stat, paths)]  # the fastest of all ways
    except (OSError, ValueError):
        return [os.stat(path).st_size if os.path.exists(path) else -1 for path in paths]


def _count(path: Path, seconds: float) -> int:
    try:
        return clip_count(duration(path), seconds)
    except UnreadableClip:
        return 0
