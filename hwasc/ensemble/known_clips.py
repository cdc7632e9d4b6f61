"""What the given teachers were trained on: weights to start from and external models that say so."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from hwasc.deploy.onnx_session import open_session
from hwasc.errors import DataError
from hwasc.records import training_clips
from hwasc.records.training_clips import RECORD_KEY, TrainingClips
from hwasc.training.weights import read_entries
from hwasc.workspace import Workspace

ADVICE = "put it back, or say with --unseen that the model was trained on none of these clips"


def clips_of(entries: Mapping[str, str], file: Path, cache: Path) -> TrainingClips | None:
    """The record of the clips that a model file was trained on and chosen by.

    Args:
        entries: The file's metadata.
        file: The file.
        cache: The folder of caches.

    Returns:
        The record; None where the file says nothing of it.

    Raises:
        DataError: The file says that there is a record, but it is neither in it, nor beside it, nor in the cache.
    """
    reference = training_clips.read_metadata(entries, file)
    if reference is None:
        return None
    record = training_clips.find(reference, file, cache, inline=entries.get(RECORD_KEY))
    if record is None:
        raise DataError(f"{file}: the record of its training clips is missing ({places(file)}); {ADVICE}")
    return record


def places(file: Path) -> str:
    """Where the record of a file's training clips is looked for, for messages."""
    return f"{file.with_suffix(training_clips.SUFFIX).name} or {training_clips.FILE} beside it"


def teachers_clips(ws: Workspace, *, unseen: bool = False) -> list[TrainingClips]:
    """What the teachers of the settings were trained on before: `teachers.pretrained`, and external ONNX models.

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
            record = clips_of(entries, file, ws.cache)
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
        earlier = clips_of(read_entries(start), start, ws.cache)
        if earlier is not None:
            joined = own.joined([earlier])
            training_clips.save(joined, training_clips.cached(ws.cache, joined.digest))
            return joined
    return own


def _metadata(ws: Workspace) -> Iterator[tuple[Path, Mapping[str, str]]]:
    s = ws.settings.teachers
    for setting in s.pretrained.values():
        path = Path(setting if isinstance(setting, str) else setting.file)
        if path.suffix == ".safetensors" and path.is_file():
            yield path, read_entries(path)
    for teacher in s.external:
        path = Path(str(teacher.model))
        if path.suffix == ".onnx" and path.is_file():
            yield path, dict(open_session(path).get_modelmeta().custom_metadata_map)
