"""A student's training on views that are made in the waveform: its log-mel and every teacher's logits are of the same view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwasc.data import logits as logit_files
from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.data.splits import folds
from hwasc.data.views import View, in_log_mel, make_views
from hwasc.ensemble.fusion import FittedEnsemble
from hwasc.ensemble.logit_table_teacher import no_sound
from hwasc.errors import DataError, UsageError
from hwasc.records import schema
from hwasc.records.damaged import usable
from hwasc.records.front_end import FrontEnd
from hwasc.records.teacher_settings import Member
from hwasc.records.training_clips import KEY
from hwasc.training.distillation import DistillationData, ViewData
from hwasc.workspace import Workspace


def check_waveform_teachers(members: Sequence[Member]) -> None:
    """UsageError where teachers have logits of clips as recorded, and no model that could process a view."""
    tables = [member.name for member in members if member.logits is not None]
    if tables:
        raise UsageError(no_sound(tables))


def waveform_views(ws: Workspace, clips: Sequence[Clip]) -> tuple[View, ...]:
    """Define the views that students are trained on.

    Their seed is the run's and not the student's, so that students of several seeds share them. Clips are mixed within a fold of
    the teachers: out-of-fold teachers of a mixture know neither part.

    Args:
        ws: Settings and impulse responses.
        clips: The training clips that can be read.

    Returns:
        `distill.teacher_views` views.
    """
    s = ws.settings
    augment = s.distill.augment or s.augment
    return make_views(
        clips,
        folds(clips, s.teachers.folds, s.seed),
        augment,
        seed=s.seed,
        count=s.distill.teacher_views,
        responses=ws.response_folder(augment),
    )


def with_waveform_views(
    data: DistillationData, ws: Workspace, front_end: FrontEnd, fused: FittedEnsemble | None
) -> DistillationData:
    """Let a student be trained on views. In log-mel, only Freq-MixStyle and the frequency mask remain, drawn anew each epoch.

    Args:
        data: The student's training clips and loss.
        ws: Data, settings, cache.
        front_end: The student's.
        fused: The fitted ensemble; None: labels alone.

    Returns:
        The data with the views, all in the cache.

    Raises:
        DataError: A view of a training clip cannot be made.
    """
    chosen = ws.settings.distill.augment or ws.settings.augment
    made = tuple(
        _view_data(data.train, view, ws, front_end, fused=fused) for view in waveform_views(ws, data.train.clips)
    )
    return replace(data, augment=ws.augment(front_end, in_log_mel(chosen)), waveform_views=made)


def _view_data(
    train: Features, view: View, ws: Workspace, front_end: FrontEnd, *, fused: FittedEnsemble | None
) -> ViewData:
    what = f"train-view{view.number + 1}"

    def seen(through: FrontEnd) -> Features:
        features = ws.features(train.clips, through, what, change=view)
        if features.clips != train.clips:
            raise DataError(f"view {view.number + 1} of {len(train) - len(features):,} training clips cannot be made")
        return features

    labels = view.labels(train.clips, train.classes)
    targets = _targets(fused, seen(fused.front_end), labels, what) if fused else None
    return ViewData(features=seen(front_end), labels=labels, targets=targets)


def _targets(fused: FittedEnsemble, features: Features, labels: np.ndarray, what: str) -> np.ndarray:
    """The ensemble's logits of a view, from the cache or computed."""
    ws, ids = fused.workspace, [clip.id for clip in features.clips]
    name = f"{fused.key}-{ws.settings.distill.targets}-{fused.view}-{schema.digest(features.hashes)}"
    path = ws.cache / "fusion" / f"{name}.npz"
    if not usable(path, logit_files.check, ws.reporter.say):
        logit_files.save(
            path,
            ids=ids,
            hashes=features.hashes,
            logits=fused.targets(features, labels, what),
            teacher={
                "hash": fused.key,
                "view": fused.view,
                "teachers": list(fused.teachers.names),
                KEY: schema.plain(ws.training_clips.reference),
            },
        )
    return logit_files.load(path, ids, features.hashes)
