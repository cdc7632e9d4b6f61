"""Teachers: train them, fit their fusion, and summarise what each adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hwasc.api.inputs import TeacherLike
from hwasc.errors import UsageError
from hwasc.parts import TEACHERS
from hwasc.records.outputs import check_output_file, check_output_folder
from hwasc.records.run import environment
from hwasc.records.schema import write_whole
from hwasc.records.teacher_settings import PUBLIC_NETS, Member

COMPARISON = "comparison"

if TYPE_CHECKING:
    from hwasc.ensemble.summary import EnsembleSummary
    from hwasc.workspace import Workspace


def teach(
    ws: Workspace,
    *,
    teachers: Sequence[TeacherLike] | None = None,
    split: Literal["validation", "test"] = "validation",
    weights: str | Path | None = None,
    html: str | Path | None = None,
    unseen: bool = False,
) -> EnsembleSummary:
    """Train the teachers by cross-fitting and fit the fusion heads z1 and z2; what the cache holds is not trained again.

    Args:
        ws: What `hwasc.open` gave.
        teachers: All of them: names of the settings' members, or of families; families (`hwasc.models.teachers.Family`) and
            members as objects. None: the settings'.
        split: The clips that they are compared on.
        weights: A folder in which one set of weights is saved for each member of a family, as initial weights for other teachers.
        html: A page that is written.
        unseen: Whether you vouch that weights to start from, and ONNX models, that lack the record of their training clips
            were trained on none of these clips.

    Returns:
        What each teacher is and costs, how accurate each fusion is, and what each teacher adds.

    Raises:
        UsageError: A family is unknown, or a setting does not fit.
        DataError: A teacher has no logits for some clips.
    """
    from hwasc.ensemble.cross_fitting import export_weights
    from hwasc.ensemble.files import check_files
    from hwasc.ensemble.fusion import fuse
    from hwasc.ensemble.known_clips import teachers_clips
    from hwasc.ensemble.measured import measured
    from hwasc.ensemble.summary import summarize
    from hwasc.ensemble.work import ensemble_stages
    from hwasc.progress import Stage

    check_output_folder(weights, "--weights")
    check_output_file(html, "--html")
    ws = with_teachers(ws, teachers)
    check_files(ws.settings.teachers.members, ws.cache)
    before = teachers_clips(ws, unseen=unseen)
    measured_ws, measured_clips = measured(ws, [ws.teacher_clips, *before], split, what="an ensemble")
    with ws.reporter.plan([*ensemble_stages(ws), Stage(COMPARISON, 0.0)]):
        fused, clips = fuse(ws), getattr(measured_ws.dataset, split)
        if weights is not None:
            export_weights(fused.teachers, Path(weights))
        with ws.reporter.stage(COMPARISON):
            features = ws.features(clips, fused.front_end, split)
            summary = summarize(fused, features, split, measured=measured_clips)
    if html is not None:
        from hwasc.report.reports import teach_report

        write_whole(Path(html), teach_report(summary, environment()))
    return summary


def with_teachers(ws: Workspace, teachers: Sequence[TeacherLike] | None) -> Workspace:
    """Choose the teachers of a workspace. A family that is an object is known by its name from now on.

    Args:
        ws: What `hwasc.open` gave.
        teachers: All of them: names of the settings' members, or of families with all defaults; families as objects, which are
            registered under their names; members as objects. None: the settings'.

    Returns:
        The workspace.

    Raises:
        UsageError: A name is unknown, an object has the name of a built-in or installed family, or there are fewer than two
            different teachers.
    """
    if teachers is None:
        return ws
    from hwasc.models.teachers import provide

    settings = ws.settings.teachers
    given = {member.name: member for member in settings.members}

    def member(teacher: TeacherLike) -> Member:
        if isinstance(teacher, Member):
            return teacher
        if isinstance(teacher, str):
            if teacher in PUBLIC_NETS and teacher not in given:
                return Member(name=teacher, embedding=teacher)
            return given.get(teacher) or Member.of_family(TEACHERS.check(teacher))
        return Member.of_family(provide(teacher))

    try:
        settings = replace(settings, members=tuple(map(member, teachers)))
    except ValueError as e:
        raise UsageError(f"teachers: {e}") from None
    return replace(ws, settings=replace(ws.settings, teachers=settings))
