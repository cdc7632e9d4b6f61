"""The front end of each teacher, and the log-mels of the same clips through several front ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hwasc.data.features import Features
from hwasc.errors import DataError, UsageError
from hwasc.models.teachers import TeacherSpec
from hwasc.parts import TEACHERS
from hwasc.records.front_end import FrontEnd
from hwasc.workspace import Workspace


def teacher_front_end(ws: Workspace) -> FrontEnd:
    """The front end of z1, and of every teacher for which the settings name no other."""
    t = ws.settings.teachers
    return FrontEnd.for_clip(t.mels, t.frames).lasting(ws.settings.data.seconds)


def teacher_spec(ws: Workspace, family: str) -> TeacherSpec:
    """Make the spec of a teacher from the settings.

    Args:
        ws: The settings.
        family: The teacher's family.

    Returns:
        Family, width and front end.

    Raises:
        UsageError: The width or the front end does not fit the family or the clips.
    """
    t, seconds = ws.settings.teachers, ws.settings.data.seconds
    chosen = t.front_ends.get(family)
    try:
        spec = TeacherSpec(family, t.widths.get(family, 0), teacher_front_end(ws))
        if chosen == "paper":
            return replace(spec, front_end=TEACHERS.get(family).paper.lasting(seconds))
        return replace(spec, front_end=chosen.front_end(seconds)) if chosen else spec
    except ValueError as e:
        raise UsageError(f"teachers: {family}: {e}") from None


def features_by_front_end(
    ws: Workspace, features: Features, front_ends: Iterable[FrontEnd], what: str
) -> dict[FrontEnd, Features]:
    """Compute the log-mels of the same clips in several front ends.

    Args:
        ws: Data, cache.
        features: The clips in the front end of `teacher_front_end`; others are changed as these are.
        front_ends: The other front ends; one may be given twice.
        what: The clips' name in messages, such as `train`.

    Returns:
        Features by front end, that of `features` included.

    Raises:
        DataError: A front end cannot process one of the clips.
    """
    out = {teacher_front_end(ws): features}
    for front_end in front_ends:
        if front_end not in out:
            out[front_end] = ws.features(features.clips, front_end, what, change=features.change)
            if out[front_end].hashes != features.hashes:
                raise DataError(
                    f"front end {front_end} cannot process {len(features) - len(out[front_end]):,} of the {what} clips"
                )
    return out
