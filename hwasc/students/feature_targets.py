"""The embeddings that a student's features are trained to match: those of one of the teachers, of the student's own clips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwasc.data.features import Features
from hwasc.ensemble.embedding.computing import embedding_files, read_embeddings
from hwasc.ensemble.embedding.teacher import EmbeddingTeacher
from hwasc.ensemble.kinds import open_teacher
from hwasc.ensemble.teacher import Folds
from hwasc.errors import UsageError
from hwasc.records.settings import Settings
from hwasc.records.teacher_settings import Member
from hwasc.suggestion import did_you_mean
from hwasc.training.distillation import DistillationData
from hwasc.training.feature_distillation import standardised
from hwasc.workspace import Workspace

KINDS = ("embedding", "hf")  # of members that turn clips into vectors


def feature_teacher(settings: Settings) -> Member | None:
    """Find the member whose embeddings the student's features are trained to match.

    Args:
        settings: The run's.

    Returns:
        Its settings; None without feature distillation.

    Raises:
        UsageError: There is no such member, or it has no embeddings.
    """
    d, members = settings.distill, settings.teachers.members
    if d.feature_weight == 0:
        return None
    known = {m.name: m for m in members if m.kind in KINDS}
    if not known:
        raise UsageError(
            "distill.feature_weight: none of the teachers has embeddings; add a member with `embedding` to `teachers` "
            "(docs/teachers.md), or set the weight to 0"
        )
    name = d.feature_teacher or next(iter(known))
    if name not in known:
        hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
        raise UsageError(f"distill.feature_teacher: no teacher with embeddings is named '{name}'{hint}")
    return known[name]


def with_embeddings(data: DistillationData, ws: Workspace) -> DistillationData:
    """Add the embeddings to what a student is trained on, where `distill.feature_weight` is above 0.

    Args:
        data: The student's training clips.
        ws: Settings and cache.

    Returns:
        The data; embeddings are standardised over the training clips as recorded, and those of a view are of that view.

    Raises:
        UsageError: See `feature_teacher`; or its file is missing.
        DataError: Its file cannot be used.
    """
    member = feature_teacher(ws.settings)
    if member is None:
        return data
    teacher = open_teacher(member, Folds(ws))
    assert isinstance(teacher, EmbeddingTeacher)

    def vectors(features: Features, what: str) -> np.ndarray:
        return read_embeddings(embedding_files(ws, teacher.embedding, features, what))

    clips = vectors(data.train, "train")
    views = [
        replace(view, embeddings=standardised(vectors(view.features, f"train-view{i}"), clips))
        for i, view in enumerate(data.waveform_views, 1)
    ]
    return replace(
        data,
        embeddings=standardised(clips, clips),
        waveform_views=tuple(views),
        feature_weight=ws.settings.distill.feature_weight,
    )
