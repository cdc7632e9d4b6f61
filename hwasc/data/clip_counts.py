"""How many clips the files of official lists have, without opening each of 230,000."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from hwasc.audio.reading import UnreadableClip, clip_count, duration
from hwasc.data.walking import suffix

UNCOMPRESSED = frozenset((".wav", ".wave", ".aif", ".aiff", ".aifc", ".au", ".snd", ".w64", ".rf64", ".caf"))
SAMPLED = 3  # headers read of the files of one recorder, scene and size

Key = tuple[object, ...]


def long_files(root: Path, files: Mapping[str, Key], seconds: float) -> dict[str, int]:
    """Find the files that have more than one clip.

    Uncompressed files of one size, made by one recorder in one scene, have one length: of these some headers are read, and all if
    they differ. Of all other files every header is read.

    Args:
        root: The data folder.
        files: By name (posix, below the data folder): what files of one kind have in common, e.g. recorder and scene.
        seconds: Length of a clip in seconds.

    Returns:
        Number of clips by name. Files of one clip, too short ones, and those that are missing or unreadable are not in it.
    """
    alike: defaultdict[Key, list[str]] = defaultdict(list)
    for name, size in _sizes(root, files):
        kind = suffix(name)
        # a compressed file is alike none
        alike[(kind, size, files[name]) if kind in UNCOMPRESSED else (name,)].append(name)
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


def _sizes(root: Path, names: Mapping[str, Key]) -> Iterator[tuple[str, int]]:
    base = os.fspath(root)
    for name in names:
        try:
            yield name, os.stat(f"{base}/{name}").st_size
        except (OSError, ValueError):
            continue  # missing: the feature extraction says so


def _count(path: Path, seconds: float) -> int:
    try:
        return clip_count(duration(path), seconds)
    except UnreadableClip:
        return 0
