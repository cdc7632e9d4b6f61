"""What a student has to do with clips before it is trained or measured: the search's data, and its teachers'."""

from __future__ import annotations

from hwasc.ensemble.known_clips import teachers_clips
from hwasc.errors import UsageError
from hwasc.records import training_clips
from hwasc.records.architecture import ArchitectureFile
from hwasc.records.training_clips import ADVICE, ClipsReference, TrainingClips, places
from hwasc.workspace import SYNTHETIC, Workspace


def check_data_named(clips: ClipsReference | None, ws: Workspace, what: str) -> None:
    """Check that a model of other data is not used on the simulated scenes by mistake.

    Args:
        clips: What the model says about its data.
        ws: The data.
        what: The model, for messages.

    Raises:
        UsageError: The user named no data, and the model was made with other data than the simulated scenes.
    """
    if clips is not None and not ws.source.named and clips.data != SYNTHETIC:
        raise UsageError(
            f"{what}: was made with the data '{clips.data}', and no data was named; name it with --data, or the simulated "
            f"scenes with --data {SYNTHETIC}"
        )


def used_before(ws: Workspace, record: ArchitectureFile, *, unseen: bool = False) -> list[TrainingClips]:
    """The clips that a search and given teachers used before a student is distilled.

    Args:
        ws: Settings and cache.
        record: The architecture file.
        unseen: The caller vouches that where a record is missing, none of these clips were used.

    Returns:
        The records of the clips.

    Raises:
        UsageError: The record of the search's clips is missing.
        DataError: The record of a teacher's clips is missing.
    """
    found = teachers_clips(ws, unseen=unseen) if ws.settings.distill.alpha > 0 else []
    if record.clips is not None:
        clips = training_clips.find(record.clips, record.path, ws.cache) if record.path else None
        if clips is not None:
            found.append(clips)
        elif not unseen:
            where = places(record.path) if record.path else "no file"
            raise UsageError(f"{record}: the record of the clips that it was chosen by is missing ({where}); {ADVICE}")
    return found
