"""Teachers are prepared by cross-fitting: every training clip has logits from teachers that were not trained on its location."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwasc.data.features import Features
from hwasc.data.nets import NETS
from hwasc.ensemble.clip_set import ClipSet
from hwasc.ensemble.family_teacher import FamilyTeacher
from hwasc.ensemble.family_training import FamilyJob
from hwasc.ensemble.kinds import open_teacher
from hwasc.ensemble.known_clips import teacher_record
from hwasc.ensemble.teacher import Folds, Job, Teacher
from hwasc.ensemble.work import EMBEDDINGS, TEACHERS, embedding_members
from hwasc.parallel import torchrun_workers
from hwasc.parallel.jobs import pool
from hwasc.records import schema, training_clips
from hwasc.records.front_end import FrontEnd
from hwasc.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Teachers:
    """The teachers of an ensemble, all of which can give logits.

    Attributes:
        members: K of them, in the order of the settings.
        folds: The training clips in folds.
    """

    members: tuple[Teacher, ...]
    folds: Folds

    @property
    def train(self) -> Features:
        """The training clips through `teacher_front_end`."""
        return self.folds.clips.features

    @property
    def names(self) -> tuple[str, ...]:
        """The K names."""
        return tuple(teacher.name for teacher in self.members)

    @property
    def keys(self) -> tuple[str, ...]:
        """K short names, each of which changes with all that the teacher's logits depend on, except the clips."""
        return tuple(teacher.key for teacher in self.members)


def teach(ws: Workspace) -> Teachers:
    """Prepare all members; what the cache holds is not trained again.

    Args:
        ws: Data, settings, cache, device.

    Returns:
        The teachers.

    Raises:
        UsageError: A setting of a member does not fit, or a file is missing.
        DataError: A file cannot be used, or a member has no logits for too many clips.
    """
    for net in ws.missing_nets:
        ws.reporter.say_once(
            f"the ensemble is without the pretrained net {net} ({NETS[net].size / 1e6:.0f} MB): `hwasc data fetch {net}` adds "
            "it, and the table of teachers then shows what it brings (on 44 recordings: -0.1 ± 1.1 points to their mean)"
        )
    opened = None
    if embedding_members(ws.settings.teachers):
        with ws.reporter.stage(EMBEDDINGS):
            opened = _open(ws)
    with ws.reporter.stage(TEACHERS):
        folds, members, jobs = opened or _open(ws)
        if jobs:
            if not ws.reporter.quiet:
                ws.reporter.expect(_seconds(jobs) / max(ws.workers, torchrun_workers.world_size()))
            names = ", ".join(dict.fromkeys(teacher.name for teacher in members if teacher.cross_fitted))
            with ws.reporter.track(f"teachers ({names})", len(jobs)) as update, pool(ws.workers) as run:
                notes: Iterable[tuple[int, str]] = (
                    ((i, _run_together(job)) for i, job in enumerate(jobs))
                    if torchrun_workers.world_size() > 1
                    else run(_run, jobs)
                )
                for done, (i, note) in enumerate(notes, 1):
                    update(done, f"{jobs[i].label}, {note}")
    return Teachers(members=members, folds=folds)


def _open(ws: Workspace) -> tuple[Folds, tuple[Teacher, ...], list[Job]]:
    """The folds, the members, and the trainings that are left. Embeddings of the training clips are computed for these."""
    folds = Folds(ws)
    members = tuple(open_teacher(member, folds) for member in ws.settings.teachers.members)
    check_teachers(members, ws, "validation")
    for teacher in members:
        if not teacher.cross_fitted:  # before any training: it may lack clips
            teacher.logits(folds.clips, 0)
    return folds, members, [job for teacher in members for job in teacher.jobs()]


def check_teachers(members: Sequence[Teacher], ws: Workspace, split: str) -> None:
    """Check before long work that all teachers can give logits of a split. Reads no clip.

    Args:
        members: The teachers.
        ws: The data.
        split: `train`, `validation` or `test`.

    Raises:
        DataError: One cannot.
    """
    for teacher in members:
        teacher.check(getattr(ws.dataset, split), split)


def _seconds(jobs: Sequence[Job]) -> float:
    """How long all trainings take in one process, by the first step of each kind of net."""
    timed: dict[tuple[str, int, FrontEnd], float] = {}
    seconds = 0.0
    for job in jobs:
        if isinstance(job, FamilyJob):
            kind = (job.spec.family, job.spec.width, job.spec.front_end)
            if kind not in timed:
                timed[kind] = job.step_seconds()
            seconds += timed[kind] * job.steps
    return seconds


def _run_together(job: Job) -> str:
    if not job.on_all_ranks:
        return job.run()
    with torchrun_workers.run_on_all_ranks(_run, job):
        return job.run()


def _run(job: Job) -> str:
    return job.run()


def export_weights(teachers: Teachers, folder: Path) -> list[Path]:
    """Write one set of weights for each member of a family, to start other teachers from (`weights` of a member).

    They are those of the first fold, which was left out of their training.

    Args:
        teachers: The ensemble's teachers.
        folder: Gets `<name>.safetensors` for each, and beside it the record of its training clips.

    Returns:
        The files.
    """
    files = []
    for teacher in teachers.members:
        if isinstance(teacher, FamilyTeacher):
            file = folder / f"{teacher.name}.safetensors"
            schema.write_whole(file, teacher.weights(0).read_bytes())
            record = teacher_record(teachers.folds.workspace, teacher.start.file if teacher.start else None)
            training_clips.save(record, file.with_suffix(training_clips.SUFFIX))
            files.append(file)
    return files


def out_of_fold_logits(teachers: Teachers, view: Features | None = None, what: str = "train") -> np.ndarray:
    """Compute the logits of the training clips, each by the teachers that were not trained on its location.

    Logits of teachers that are not cross-fitted are taken as they are: it is unknown what these were trained on.

    Args:
        teachers: The ensemble's teachers.
        view: The training clips, changed, through `teacher_front_end`; None: as recorded.
        what: Their name in messages and in the cache.

    Returns:
        Logits (n, teachers, classes).
    """
    folds = teachers.folds
    clips = ClipSet.of(folds.workspace, view, what) if view else folds.clips
    out = np.zeros((len(clips), len(teachers.members), len(clips.classes)), np.float32)
    for j, teacher in enumerate(teachers.members):
        if teacher.cross_fitted:
            for fold in range(folds.count):
                rows = np.flatnonzero(folds.of == fold)
                out[rows, j] = teacher.logits(clips.part(rows), fold)
        else:
            out[:, j] = teacher.logits(clips, 0)
    return out


def held_out_logits(teachers: Teachers, features: Features, what: str) -> np.ndarray:
    """Compute the logits of clips by the teachers of every fold.

    Args:
        teachers: The ensemble's teachers.
        features: The clips through `teacher_front_end`. Teachers with another front end get the same clips through theirs.
        what: The split's name.

    Returns:
        Logits (n, folds, teachers, classes). A teacher's logits are their mean over the folds.
    """
    clips, count = ClipSet.of(teachers.folds.workspace, features, what), teachers.folds.count
    out = np.zeros((len(clips), count, len(teachers.members), len(clips.classes)), np.float32)
    for j, teacher in enumerate(teachers.members):
        if teacher.cross_fitted:
            for fold in range(count):
                out[:, fold, j] = teacher.logits(clips, fold)
        else:
            out[:, :, j] = teacher.logits(clips, 0)[:, None]
    return out
