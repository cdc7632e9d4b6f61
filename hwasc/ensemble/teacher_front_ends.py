"""Which front end each teacher hears through, and the same clips through another one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hwasc.data.features import Features
from hwasc.errors import DataError, UsageError
from hwasc.models.teachers import TeacherSpec
from hwasc.parts import TEACHERS
from hwasc.records.architecture import FrontEnd
from hwasc.workspace import Workspace


def teacher_front_end(ws: Workspace) -> FrontEnd:
    """The front end of z1, and of the teachers that have none of their own."""
    t = ws.settings.teachers
    return FrontEnd.for_clip(t.mels, t.frames).lasting(ws.settings.data.seconds)


def teacher_spec(ws: Workspace, family: str) -> TeacherSpec:
    """A family with the width and the front end that the settings give it. UsageError where they do not fit."""
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
    """The clips of `features`, which are those of `teacher_front_end`, through every one of the front ends, each once.

    DataError where another front end cannot take one of the clips.
    """
    out = {teacher_front_end(ws): features}
    for front_end in front_ends:
        if front_end not in out:
            out[front_end] = ws.features(features.clips, front_end, what)
            if out[front_end].hashes != features.hashes:
                raise DataError(
                    f"front end {front_end} cannot take {len(features) - len(out[front_end]):,} of the {what} clips"
                )
    return out
