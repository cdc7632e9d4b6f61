"""A teacher whose logits are in files. It was trained elsewhere, so it is the same in all folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwasc.data import logit_tables
from hwasc.data.clips import Clip
from hwasc.data.logit_tables import LogitTable
from hwasc.ensemble.clip_set import ClipSet
from hwasc.ensemble.teacher import Folds, Job
from hwasc.ensemble.teacher_summary import TeacherSummary
from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.teacher_settings import Member


@dataclass(frozen=True, kw_only=True)
class LogitTableTeacher:
    """Logits by clip id, as a `Teacher`.

    Attributes:
        name: Its name in the settings.
        file: The file or folder of the logits.
        table: The logits.
        max_missing: Share of the clips that `check` lets pass without logits, 0..1.
        cross_fitted: False.
    """

    name: str
    file: str
    table: LogitTable
    max_missing: float
    cross_fitted: bool = False

    @property
    def key(self) -> str:
        """See `Teacher.key`."""
        return f"{self.name}-{schema.digest([self.table.hash])}"

    def check(self, clips: Sequence[Clip], what: str) -> None:
        """See `Teacher.check`: more clips than `max_missing` have no logits."""
        ids = [c.id for c in clips]
        if len(self.table.missing(ids)) > self.max_missing * len(ids):
            self.table.select(ids, what)

    def jobs(self) -> Sequence[Job]:
        """None."""
        return ()

    def logits(self, clips: ClipSet, fold: int) -> np.ndarray:
        """See `Teacher.logits`."""
        if clips.features.change is not None:
            raise UsageError(no_sound([self.name]))
        return self.table.select(clips.ids, clips.what)

    def summary(self) -> TeacherSummary:
        """See `Teacher.summary`."""
        return TeacherSummary(name=self.name, kind="logits", source=self.file, hash=self.table.hash)


def no_sound(names: Sequence[str]) -> str:
    """The message where teachers that are tables of logits should process changed clips.

    Args:
        names: Of these teachers.

    Returns:
        What is wrong, and what to do.
    """
    return (
        f"distill.teacher_view: 'waveform' gives the teachers changed clips, but {', '.join(names)} only "
        f"{'have' if len(names) > 1 else 'has'} logits of the clips as recorded; give a model instead, leave "
        f"{'them' if len(names) > 1 else 'it'} out, or set distill.teacher_view to cached"
    )


def open_logit_table(member: Member, folds: Folds) -> LogitTableTeacher:
    """Read the logits of a member.

    Args:
        member: Its settings, with `logits`.
        folds: The training clips in folds.

    Returns:
        The teacher.

    Raises:
        UsageError: There is no such file or folder.
        DataError: A file cannot be used.
    """
    ws, file = folds.workspace, str(member.logits)
    table = logit_tables.read(Path(file), ws.dataset.classes)
    for note in table.notes:
        ws.reporter.say(f"teacher {member.name}: {note}")
    return LogitTableTeacher(name=member.name, file=file, table=table, max_missing=ws.settings.data.max_unreadable)
