"""A teacher of a family: its net is trained here, once a fold, on the clips of the other folds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

import hwasc
from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.ensemble.clip_set import ClipSet, cached_logits
from hwasc.ensemble.family_training import FamilyJob
from hwasc.ensemble.known_clips import teacher_record
from hwasc.ensemble.pretrained import StartWeights, load_start_weights, open_start_weights
from hwasc.ensemble.teacher import Folds
from hwasc.ensemble.teacher_front_ends import member_front_end
from hwasc.ensemble.teacher_summary import PretrainedStart, TeacherSummary
from hwasc.errors import UsageError
from hwasc.models.teachers import TeacherSpec, build, describe
from hwasc.parts import TEACHERS
from hwasc.records import schema
from hwasc.records.damaged import usable
from hwasc.records.teacher_settings import Member
from hwasc.records.train_settings import TrainSettings
from hwasc.records.training_clips import KEY
from hwasc.training.loop import predict
from hwasc.training.weights import load_weights


@dataclass(frozen=True, kw_only=True)
class FamilyTeacher:
    """A net of a family for each fold, as a `Teacher`.

    Attributes:
        name: Its name in the settings.
        spec: Family, width and front end.
        train: Its training.
        seed: The settings' own seed of its weights and batches; None: it follows from the run's seed and the name.
        start: The weights that its training starts from; None: random ones.
        folds: The training clips in folds.
        cross_fitted: True.
    """

    name: str
    spec: TeacherSpec
    train: TrainSettings
    seed: int | None
    start: StartWeights | None
    folds: Folds
    cross_fitted: bool = True

    @cached_property
    def key(self) -> str:
        """See `Teacher.key`."""
        ws, train = self.folds.workspace, self.folds.clips.features
        responses = ws.augment(self.spec.front_end).responses
        about: dict[str, Any] = {
            "version": hwasc.__version__,
            "content": content(train),
            "labels": train.labels.tolist(),
            "augment": ws.settings.augment,
            "responses": hashlib.sha256(responses.numpy().tobytes()).hexdigest() if responses is not None else "",
            "train": self.train,
            "folds": self.folds.of.tolist(),
            "seeds": [self._seed(fold) for fold in range(self.folds.count)],
            "spec": self.spec,
        }
        if self.start:
            about["start"] = self.start.hash
        if code := TEACHERS.get(self.spec.family).code:
            about["code"] = code
        return f"{self.name}-{schema.digest(about)}"

    @property
    def folder(self) -> Path:
        """In the cache, with the weights and logits of all folds."""
        return self.folds.workspace.cache / "teachers" / self.key

    def weights(self, fold: int) -> Path:
        """The file of a fold's weights.

        Args:
            fold: From 0.

        Returns:
            The file, which is there when the fold's job has run.
        """
        return self.folder / f"fold{fold}.safetensors"

    def check(self, clips: Sequence[Clip], what: str) -> None:
        """See `Teacher.check`: it can process any clip."""

    def jobs(self) -> Sequence[FamilyJob]:
        """A job for each fold without weights; see `Teacher.jobs`."""
        ws, start, classes = self.folds.workspace, self.start, len(self.folds.clips.classes)
        if start and not self.weights(0).is_file():  # weights that do not fit are refused before any training
            ws.reporter.say(load_start_weights(build(self.spec, classes), self.spec, classes, start))
        folds = [f for f in range(self.folds.count) if not usable(self.weights(f), load_weights, ws.reporter.say)]
        return [
            FamilyJob(
                name=self.name,
                family=TEACHERS.get(self.spec.family),
                spec=self.spec,
                train=self.folds.clips.through(self.spec.front_end),
                rows=self.folds.others(fold).rows,
                augment=ws.augment(self.spec.front_end),
                settings=self.train,
                seed=self._seed(fold),
                device=str(ws.device),
                weights=self.weights(fold),
                start=start,
                clips=teacher_record(ws, start.file if start else None).reference.text(),
            )
            for fold in folds
        ]

    def logits(self, clips: ClipSet, fold: int) -> np.ndarray:
        """See `Teacher.logits`."""
        ws = clips.workspace
        return cached_logits(
            self.folder,
            clips,
            fold=fold,
            compute=lambda: predict(self.net(fold), clips.through(self.spec.front_end), ws.device, rows=clips.rows),
            teacher=lambda: self._record(fold),
        )

    def net(self, fold: int) -> nn.Module:
        """Build the net with the weights of one fold.

        Args:
            fold: The fold that was left out of its training.

        Returns:
            The net.
        """
        model = build(self.spec, len(self.folds.clips.classes))
        model.load_state_dict(load_weights(self.weights(fold)))
        return model

    def summary(self) -> TeacherSummary:
        """See `Teacher.summary`."""
        spec, start = self.spec, self.start
        d = describe(spec, len(self.folds.clips.classes))
        return TeacherSummary(
            name=self.name,
            kind="family",
            source=spec.family,
            width=spec.width,
            front_end=spec.front_end,
            receptive_field=d.receptive_field,
            global_context=d.global_context,
            parameters=d.parameters,
            macs=d.macs,
            pretrained=PretrainedStart(file=start.file.name, hash=start.hash, rename=start.rename) if start else None,
        )

    def _seed(self, fold: int) -> int:
        return training_seed(self.folds.workspace.settings.seed, self.name, fold, own=self.seed)

    def _record(self, fold: int) -> dict[str, Any]:
        ws, start = self.folds.workspace, self.start
        return {
            "hash": hashlib.sha256(self.weights(fold).read_bytes()).hexdigest()[:16],
            "spec": schema.plain(self.spec),
            KEY: schema.plain(teacher_record(ws, start.file if start else None).reference),
            **({"start": {"file": start.file.name, "hash": start.hash}} if start else {}),
        }


def open_family(member: Member, folds: Folds) -> FamilyTeacher:
    """Open a member that is trained here.

    Args:
        member: Its settings, with `family`.
        folds: The training clips in folds.

    Returns:
        The teacher.

    Raises:
        UsageError: Family, width, front end or weights to start from do not fit.
    """
    ws = folds.workspace
    front_end = member_front_end(ws, member)
    try:
        spec = TeacherSpec(str(member.family), member.width or 0, front_end)
    except ValueError as e:
        raise UsageError(f"teacher {member.name}: {e}") from None
    return FamilyTeacher(
        name=member.name,
        spec=spec,
        train=member.train or ws.settings.teachers.train,
        seed=member.seed,
        start=open_start_weights(member.weights, member.name) if member.weights else None,
        folds=folds,
    )


def training_seed(seed: int, name: str, fold: int, *, own: int | None = None) -> int:
    """The seed of a teacher's training, which does not depend on what other teachers there are.

    Args:
        seed: The run's.
        name: The teacher's.
        fold: The fold that is left out of the training.
        own: The teacher's own seed in the settings, which counts in place of the run's and the name; None: it has none.

    Returns:
        32 bits.
    """
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return int(np.random.SeedSequence([seed, number, fold] if own is None else [own, fold]).generate_state(1)[0])


def content(features: Features) -> str:
    """Hash over the content of all clips of a feature set."""
    return hashlib.sha256("\n".join(features.hashes).encode()).hexdigest()[:16]
