"""Teachers that hear what the student hears: every batch augmented alike, through each one's own front end."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from hwasc.data.features import Features
from hwasc.ensemble.cross_fitting import load_fold
from hwasc.ensemble.fusion import Fused
from hwasc.ensemble.heads import Ensemble
from hwasc.ensemble.teacher_front_ends import features_by_front_end
from hwasc.errors import DataError, UsageError
from hwasc.parallel.device import mixed_precision
from hwasc.records.architecture import FrontEnd
from hwasc.training.batches import Augment, Batch, OnlineTargets


@dataclass(frozen=True)
class OnlineEnsemble:
    """`training.batches.Teaching` by all folds' teachers and the fusion heads.

    ears: the student's training clips through every front end that a teacher or z1 has, with the student's augmentation to be
    repeated in it. teachers: the front end of each teacher, and its nets by fold.
    """

    by_front_end: Mapping[FrontEnd, tuple[Features, Augment]]
    teachers: Sequence[tuple[FrontEnd, Sequence[nn.Module]]]
    ensemble: Ensemble
    view: str
    z1: FrontEnd
    device: torch.device

    @torch.no_grad()
    def __call__(self, rows: np.ndarray, state: Tensor) -> Tensor:
        """Fused logits (B, classes) on the CPU; state: of the generator that the student's batch is about to draw from."""
        x = {front_end: v.to(self.device) for front_end, v in self.views(rows, state).items()}
        with mixed_precision(self.device):
            each = [torch.stack([net(x[fe]).float() for net in nets], 1) for fe, nets in self.teachers]
            return self.ensemble.views(x[self.z1], torch.stack(each, 2))[self.view].float().cpu()

    def views(self, rows: np.ndarray, state: Tensor) -> dict[FrontEnd, Tensor]:
        """What each front end makes of these clips, augmented by the same draws: (B, 1, mels, frames)."""
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
    """Teachers that are asked once about each batch: the same clips from the same draws get the logits that they got before.

    kept: 40 bytes a clip and view, for ten classes.
    """

    teachers: OnlineTargets
    kept: dict[bytes, Tensor] = field(default_factory=dict)

    def __call__(self, rows: np.ndarray, state: Tensor) -> Tensor:
        """See `training.batches.Teaching`."""
        key = hashlib.blake2b(rows.tobytes() + state.numpy().tobytes(), digest_size=16).digest()
        if key not in self.kept:
            self.kept[key] = self.teachers(rows, state)
        return self.kept[key]


def check_online_teachers(external: Sequence[object]) -> None:
    """UsageError where a teacher's logits are all that is known of it."""
    if external:
        raise UsageError(
            "distill.teacher_view: 'augmented' asks the teachers anew for every batch, and external ones are asked only "
            "once; set it to cached, or leave teachers.external out"
        )


def online_ensemble(fused: Fused, train: Features, front_end: FrontEnd) -> OnlineEnsemble:
    """The fused teachers, ready to be asked about the clips of `train` as a student with this front end hears them."""
    ws, teachers = fused.workspace, fused.teachers
    check_online_teachers(teachers.external)
    z1 = fused.front_end
    by_front_end = features_by_front_end(
        ws, teachers.train, [z1, *(spec.front_end for spec in teachers.specs)], "train"
    )
    if train.hashes != teachers.train.hashes:
        raise DataError(f"front end {front_end} cannot take the same training clips as the teachers' {z1}")
    chosen = ws.settings.distill.augment
    augments = {fe: (f, replace(ws.augment(fe, chosen), drawn_in=front_end)) for fe, f in by_front_end.items()}

    def net(k: int, fold: int) -> nn.Module:
        model = load_fold(teachers, k, fold).to(ws.device).eval()
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter less time on CPUs
        return model

    nets = [(spec.front_end, [net(k, f) for f in range(teachers.folds)]) for k, spec in enumerate(teachers.specs)]
    return OnlineEnsemble(augments, nets, fused.ensemble.to(ws.device).eval(), fused.view, z1, ws.device)
