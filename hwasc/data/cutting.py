"""Cutting recordings into clips that do not overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from hwasc.audio.reading import UnreadableClip, clip_count, duration
from hwasc.data import walking
from hwasc.data.clip_counts import starts
from hwasc.data.clips import Clip
from hwasc.data.layouts.base import Recording

Lengths = Mapping[str, float | str]  # by name: the length in seconds, or why the recording cannot be used


def measure(root: Path, recordings: Iterable[Recording]) -> dict[str, float | str]:
    """The length of every recording.

    Args:
        root: The data folder.
        recordings: The recordings.

    Returns:
        By name: seconds, or the reason why it cannot be read.
    """
    found: dict[str, float | str] = {}
    for r in recordings:
        try:
            found[r.name] = duration(root / r.name)
        except UnreadableClip as e:
            found[r.name] = walking.reason(r.name, str(e))
    return found


def cut(
    root: Path, recordings: Iterable[Recording], lengths: Lengths, seconds: float
) -> tuple[dict[str, list[Clip]], dict[str, str]]:
    """Cut recordings into clips.

    Args:
        root: The data folder.
        recordings: The recordings.
        lengths: Of all of them.
        seconds: Length of a clip in seconds.

    Returns:
        The clips of each recording by its name, and the reasons why others have none. These still get one clip, so that the
        feature extraction lists them.
    """
    clips: dict[str, list[Clip]] = {}
    reasons: dict[str, str] = {}
    for r in recordings:
        path, length = root / r.name, lengths[r.name]
        count = 0 if isinstance(length, str) else clip_count(length, seconds)
        if not count:
            reasons[r.name] = length if isinstance(length, str) else f"too short: {length:.2f} s of {seconds:g} s"
        clips[r.name] = [
            Clip(
                id=name,
                path=path,
                start=start,
                seconds=seconds,
                scene=r.scene,
                location=r.location,
                device=r.device,
            )
            for name, start in starts(r.name, count, seconds)
        ]
    return clips, reasons
