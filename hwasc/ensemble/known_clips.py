"""What the given teachers were trained on: weights to start from and ONNX models that say so."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from hwasc.deploy.onnx_session import metadata_of, open_session
from hwasc.errors import DataError
from hwasc.records.teacher_settings import PretrainedWeights
from hwasc.records.training_clips import TrainingClips, record_of
from hwasc.training.weights import read_entries
from hwasc.workspace import Workspace


def teachers_clips(ws: Workspace, *, unseen: bool = False) -> list[TrainingClips]:
    """What the teachers of the settings were trained on before: weights to start from, and ONNX models.

    Files of other programs say nothing of it; nothing is returned for them.

    Args:
        ws: Settings and cache.
        unseen: The caller vouches that teachers whose record is missing were trained on none of these clips.

    Returns:
        The records.

    Raises:
        DataError: A file refers to a record that is missing.
    """
    found = []
    for file, entries in _metadata(ws):
        try:
            record = record_of(entries, file, ws.cache)
        except DataError:
            if not unseen:
                raise
            continue
        if record is not None:
            found.append(record)
    return found


def teacher_record(ws: Workspace, start: Path | None) -> TrainingClips:
    """What a teacher is trained on: the training split, and what its initial weights were trained on.

    Args:
        ws: Data, cache.
        start: The file of its initial weights; None: random ones.

    Returns:
        The record.
    """
    own = ws.teacher_clips
    if start is None or start.suffix != ".safetensors":
        return own
    with contextlib.suppress(DataError):
        earlier = record_of(read_entries(start), start, ws.cache)
        if earlier is not None:
            return ws.remember(own.joined([earlier]))
    return own


def selection_record(ws: Workspace) -> TrainingClips:
    """What an architecture is chosen by: the training and validation splits, and what given teachers were trained on.

    Teachers whose record is missing are left out here: a search measures nothing on test clips. `distill` with the same teachers
    stops, or is vouched for.

    Args:
        ws: Settings, data and cache.

    Returns:
        The record.
    """
    return ws.remember(ws.training_clips.joined(teachers_clips(ws, unseen=True)))


def _metadata(ws: Workspace) -> Iterator[tuple[Path, Mapping[str, str]]]:
    for member in ws.settings.teachers.members:
        path = Path(member.weights.file if isinstance(member.weights, PretrainedWeights) else str(member.weights))
        if path.suffix == ".safetensors" and path.is_file():
            yield path, read_entries(path)
        path = Path(str(member.model))
        if path.suffix == ".onnx" and path.is_file():
            yield path, metadata_of(open_session(path), path)
