"""Online teachers: they run on every batch of a student, with the student's augmentation, through their own front ends."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from hwasc.data.features import Features
from hwasc.ensemble.family_teacher import FamilyTeacher
from hwasc.ensemble.fusion import FittedEnsemble
from hwasc.ensemble.heads import Ensemble
from hwasc.ensemble.paper_heads import PaperHeads
from hwasc.errors import DataError, UsageError
from hwasc.parallel.device import mixed_precision
from hwasc.records.front_end import FrontEnd
from hwasc.records.teacher_settings import Member
from hwasc.training.batches import Augment, Batch, OnlineTargets


@dataclass(frozen=True, kw_only=True)
class OnlineEnsemble:
    """All folds' teachers and the fusion heads, as `training.batches.OnlineTargets`.

    Attributes:
        by_front_end: For the front ends of teachers and z1, the student's training clips and its augmentation.
        teachers: The front end of each teacher, and its nets by fold.
        ensemble: The fusion heads.
        view: The view that students learn from.
        z1: The front end of z1.
        device: Where the teachers run.
    """

    by_front_end: Mapping[FrontEnd, tuple[Features, Augment]]
    teachers: Sequence[tuple[FrontEnd, Sequence[nn.Module]]]
    ensemble: Ensemble | PaperHeads
    view: str
    z1: FrontEnd
    device: torch.device

    @torch.no_grad()
    def __call__(self, rows: np.ndarray, state: Tensor) -> Tensor:
        """Compute the targets of a batch.

        Args:
            rows: The clips, (B,).
            state: Of the random generator before the student's batch is augmented.

        Returns:
            Fused logits (B, classes) on the CPU.
        """
        x = {front_end: v.to(self.device) for front_end, v in self.augmented(rows, state).items()}
        with mixed_precision(self.device):
            logits = [torch.stack([net(x[fe]).float() for net in nets], 1) for fe, nets in self.teachers]
            return self.ensemble.views(x[self.z1], torch.stack(logits, 2))[self.view].float().cpu()

    def augmented(self, rows: np.ndarray, state: Tensor) -> dict[FrontEnd, Tensor]:
        """Augment clips in every front end by the same random draws.

        Args:
            rows: The clips, (B,).
            state: Of the random generator before the student's batch is augmented.

        Returns:
            Log-mels (B, 1, mels, frames) by front end.
        """
        out = {}
        for front_end, (features, augment) in self.by_front_end.items():
            generator = torch.Generator()
            generator.set_state(state)
            labels = torch.from_numpy(features.labels[rows])
            made = Batch(features.batch(rows), labels, None)
            out[front_end] = augment.batch(
                made, features.devices[rows], generator, classes=len(features.classes), temperature=1.0
            ).logmel
        return out


@dataclass(frozen=True)
class CachedOnlineEnsemble:
    """Online teachers that run once for each batch: the same clips with the same random draws get the cached logits.

    Attributes:
        teachers: The online teachers.
        cache: Logits by clips and random state; 40 bytes for each augmented clip and ten classes.
    """

    teachers: OnlineTargets
    cache: dict[bytes, Tensor] = field(default_factory=dict)

    def __call__(self, rows: np.ndarray, state: Tensor) -> Tensor:
        """See `training.batches.OnlineTargets`."""
        key = hashlib.blake2b(rows.tobytes() + state.numpy().tobytes(), digest_size=16).digest()
        if key not in self.cache:
            self.cache[key] = self.teachers(rows, state)
        return self.cache[key]


def check_online_teachers(members: Sequence[Member]) -> None:
    """UsageError where a member is not of a family: its logits of augmented log-mels cannot be computed."""
    if others := [member.name for member in members if member.kind != "family"]:
        raise UsageError(
            "distill.teacher_view: 'augmented' runs the teachers on every batch, which only those of a family can do; set it "
            f"to cached, or leave {', '.join(others)} out of the teachers"
        )


def online_ensemble(fused: FittedEnsemble, train: Features, front_end: FrontEnd) -> OnlineEnsemble:
    """Make the online teachers of a student.

    Args:
        fused: The fitted ensemble.
        train: The student's training clips.
        front_end: The student's.

    Returns:
        The online teachers.

    Raises:
        UsageError: A teacher is not of a family.
        DataError: The student's front end can process fewer clips than the teachers' one, or others.
    """
    ws, z1, whole = fused.workspace, fused.front_end, fused.teachers.folds.clips
    check_online_teachers(ws.settings.teachers.members)
    teachers = [teacher for teacher in fused.teachers.members if isinstance(teacher, FamilyTeacher)]
    by_front_end = {fe: whole.through(fe) for fe in (z1, *(teacher.spec.front_end for teacher in teachers))}
    if train.hashes != whole.features.hashes:
        raise DataError(f"front end {front_end} cannot process the same training clips as the teachers' front end {z1}")
    chosen = ws.settings.distill.augment
    augments = {fe: (f, replace(ws.augment(fe, chosen), drawn_in=front_end)) for fe, f in by_front_end.items()}

    def net(teacher: FamilyTeacher, fold: int) -> nn.Module:
        model = teacher.net(fold).to(ws.device).eval()
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter less time on CPUs
        return model

    folds = range(fused.teachers.folds.count)
    nets = [(teacher.spec.front_end, [net(teacher, fold) for fold in folds]) for teacher in teachers]
    return OnlineEnsemble(
        by_front_end=augments,
        teachers=nets,
        ensemble=fused.heads.to(ws.device).eval(),
        view=fused.view,
        z1=z1,
        device=ws.device,
    )
