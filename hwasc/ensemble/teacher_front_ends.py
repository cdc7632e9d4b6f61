"""The front end of each teacher, and the log-mels of the same clips through several front ends."""

from __future__ import annotations

from collections.abc import Iterable

from hwasc.data.features import Features
from hwasc.errors import DataError, UsageError
from hwasc.parts import TEACHERS
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import FRONT_ENDS
from hwasc.records.teacher_settings import FrontEndSettings, Member
from hwasc.workspace import Workspace


def teacher_front_end(ws: Workspace) -> FrontEnd:
    """The front end of z1, and of every member for which the settings name no other."""
    t = ws.settings.teachers
    return _for_microphone(ws, FrontEnd.for_clip(t.mels, t.frames).lasting(ws.settings.data.seconds))


def member_front_end(ws: Workspace, member: Member) -> FrontEnd:
    """The front end of a member. What is trained here from random weights listens at the rate of `data.sample_rate`.

    Args:
        ws: The settings.
        member: The member.

    Returns:
        Its own front end, that of its family's paper, or that of `teacher_front_end`.

    Raises:
        UsageError: It does not fit the clips.
    """
    try:
        if member.front_end is None:
            return teacher_front_end(ws)
        stated = _stated(member, ws.settings.data.seconds)
        fixed = member.family is None or member.weights is not None  # its weights know no other log-mel
        return stated if fixed else _for_microphone(ws, stated)
    except ValueError as e:
        raise UsageError(f"teacher {member.name}: {e}") from None


def _stated(member: Member, seconds: float) -> FrontEnd:
    if isinstance(member.front_end, FrontEndSettings):
        return member.front_end.front_end(seconds)
    if member.front_end in FRONT_ENDS:
        return FRONT_ENDS[str(member.front_end)](seconds)
    paper: FrontEnd = TEACHERS.get(str(member.family)).paper
    return paper.lasting(seconds)


def _for_microphone(ws: Workspace, front_end: FrontEnd) -> FrontEnd:
    rate = ws.settings.data.sample_rate
    return front_end if rate is None else front_end.at_rate(rate)


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
