"""Windows of context: a clip, and its neighbours where its recording is longer than the clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hwasc.audio.reading import UnreadableClip, duration
from hwasc.data.clips import Clip

SLACK = 1e-3  # s that a neighbour may reach beyond the recording's end


def with_neighbours(clips: Sequence[Clip], context: int) -> list[list[Clip]]:
    """List what is averaged for each clip: the clip itself, and up to `context` clips before and after it in its recording.

    A neighbour has the clip's id, so that a change draws the same for both.

    Args:
        clips: The clips.
        context: How many clips on each side, as long as the clip itself.

    Returns:
        For each clip, 1 to 1 + 2 context clips, the clip itself first.
    """
    lengths: dict[Path, float] = {}
    return [[clip, *_neighbours(clip, context, lengths)] for clip in clips]


def _neighbours(clip: Clip, context: int, lengths: dict[Path, float]) -> list[Clip]:
    if not context:
        return []
    if clip.path not in lengths:
        try:
            lengths[clip.path] = duration(clip.path)
        except UnreadableClip:
            lengths[clip.path] = 0.0  # the clip itself is read, and its error told
    steps = [k for k in range(-context, context + 1) if k]
    starts = [round(clip.start + k * clip.seconds, 6) for k in steps]
    return [replace(clip, start=s) for s in starts if s >= 0 and s + clip.seconds <= lengths[clip.path] + SLACK]
