"""A teacher from an audio model of Hugging Face, all of which is trained further, once a fold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

import hwasc
from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.data.waveforms import read_waves
from hwasc.ensemble.clip_set import ClipSet, cached_logits
from hwasc.ensemble.embedding.hf_net import hf_folder, hf_hash
from hwasc.ensemble.family_teacher import training_seed
from hwasc.ensemble.fine_tuned_net import FineTunedNet, FineTunedSpec, fine_tuned_logits, load_fine_tuned
from hwasc.ensemble.teacher import Folds
from hwasc.ensemble.teacher_summary import TeacherSummary
from hwasc.parallel.device import pick_device
from hwasc.records import schema
from hwasc.records.damaged import usable
from hwasc.records.leftovers import temporary_folder
from hwasc.records.teacher_settings import FINE_TUNING, Member
from hwasc.records.train_settings import TrainSettings
from hwasc.records.training_clips import KEY
from hwasc.training.batches import Batch, count_batches
from hwasc.training.loop import fit
from hwasc.training.loss import distillation_loss
from hwasc.training.weights import load_weights, save_weights


@dataclass(frozen=True, kw_only=True)
class FineTuningJob:
    """The training of one fold, as a `Job`.

    Attributes:
        name: The teacher's.
        spec: The model.
        train: The training clips of all folds, in any front end.
        rows: Those of the other folds, on which it is trained.
        settings: Of the training.
        seed: Of the classifier's first weights, of batches and dropout.
        device: Where it is trained.
        weights: The file that is written.
        record: The record of the training clips, which goes into the file.
        on_all_ranks: False.
    """

    name: str
    spec: FineTunedSpec
    train: Features
    rows: np.ndarray
    settings: TrainSettings
    seed: int
    device: str
    weights: Path
    record: str
    on_all_ranks: bool = False

    @property
    def label(self) -> str:
        """Teacher and fold."""
        return f"{self.name} {self.weights.stem}"

    def run(self) -> str:
        """Train and write the weights; an interrupted training resumes at its last epoch. Returns the last loss in words."""
        torch.manual_seed(self.seed)
        net, last = FineTunedNet(self.spec), [0.0]
        labels = self.train.labels[self.rows]
        self.weights.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder("waves-", self.weights.parent) as folder:  # they may need more than the memory
            waves = np.lib.format.open_memmap(
                folder / "waves.npy", "w+", dtype=np.float32, shape=(len(labels), net.samples)
            )
            clips = [self.train.clips[i] for i in self.rows]
            for i, wave in enumerate(read_waves(clips, net.rate, self.train.change)):
                waves[i] = wave

            def batches(epoch: int) -> Iterator[Batch]:
                order = np.random.default_rng([self.seed, epoch]).permutation(len(labels))
                for i in range(count_batches(len(labels), self.settings.batch)):
                    rows = order[i * self.settings.batch : (i + 1) * self.settings.batch]
                    yield Batch(torch.from_numpy(waves[rows])[:, None, None], torch.from_numpy(labels[rows]))

            fit(
                net,
                batches,
                steps_per_epoch=count_batches(len(labels), self.settings.batch),
                loss=lambda logits, batch: distillation_loss(logits, batch.labels, None, alpha=0, temperature=1),
                settings=self.settings,
                device=pick_device(self.device),
                seed=self.seed,
                checkpoint=self.weights.with_suffix(".ckpt"),
                on_epoch=lambda _, loss: last.__setitem__(0, loss),
            )
        save_weights(self.weights, net, {KEY: self.record})
        self.weights.with_suffix(".ckpt").unlink(missing_ok=True)
        return f"last loss {last[0]:.3f}"


@dataclass(frozen=True, kw_only=True)
class FineTunedTeacher:
    """A model for each fold, as a `Teacher`.

    Attributes:
        name: Its name in the settings.
        spec: The model.
        hash: Of its files.
        parameters: Learned numbers, the classifier's among them.
        train: Its training.
        seed: The settings' own seed; None: it follows from the run's seed and the name.
        folds: The training clips in folds.
        cross_fitted: True.
    """

    name: str
    spec: FineTunedSpec
    hash: str
    parameters: int
    train: TrainSettings
    seed: int | None
    folds: Folds
    cross_fitted: bool = True

    @cached_property
    def key(self) -> str:
        """See `Teacher.key`."""
        train = self.folds.clips
        about: dict[str, Any] = {
            "version": hwasc.__version__,
            "model": self.hash,
            "train": self.train,
            "seeds": [self._seed(fold) for fold in range(self.folds.count)],
            "content": train.hashes,
            "labels": train.features.labels.tolist(),
            "folds": self.folds.of.tolist(),
        }
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

    def jobs(self) -> Sequence[FineTuningJob]:
        """A job for each fold without weights; see `Teacher.jobs`."""
        ws = self.folds.workspace
        folds = [f for f in range(self.folds.count) if not usable(self.weights(f), load_weights, ws.reporter.say)]
        return [
            FineTuningJob(
                name=self.name,
                spec=self.spec,
                train=self.folds.clips.features,
                rows=self.folds.others(fold).rows,
                settings=self.train,
                seed=self._seed(fold),
                device=str(ws.device),
                weights=self.weights(fold),
                record=ws.teacher_clips.reference.text(),
            )
            for fold in folds
        ]

    def logits(self, clips: ClipSet, fold: int) -> np.ndarray:
        """See `Teacher.logits`."""
        path = self.weights(fold)

        def compute() -> np.ndarray:
            net = load_fine_tuned(path, self.spec)
            return fine_tuned_logits(net, clips.clips, clips.features.change, clips.workspace.device)

        def record() -> dict[str, Any]:
            return {
                "hash": hashlib.sha256(path.read_bytes()).hexdigest()[:16],
                "model": self.hash,
                KEY: schema.plain(clips.workspace.teacher_clips.reference),
            }

        return cached_logits(self.folder, clips, fold=fold, compute=compute, teacher=record)

    def summary(self) -> TeacherSummary:
        """See `Teacher.summary`."""
        return TeacherSummary(
            name=self.name,
            kind="hf",
            source=f"{self.spec.folder} (fine-tuned)",
            hash=self.hash[:16],
            parameters=self.parameters,
        )

    def _seed(self, fold: int) -> int:
        return training_seed(self.folds.workspace.settings.seed, self.name, fold, own=self.seed)


def open_fine_tuned(member: Member, folds: Folds) -> FineTunedTeacher:
    """Open a model of transformers that is trained further.

    Args:
        member: Its settings, with `hf` and `fine_tune`.
        folds: The training clips in folds.

    Returns:
        The teacher.

    Raises:
        UsageError: transformers is not installed, or there is no such model.
        DataError: The model cannot be loaded, or cannot be run on sound alone.
    """
    folder = hf_folder(str(member.hf))
    data = folds.workspace.dataset
    spec = FineTunedSpec(folder=folder, seconds=folds.workspace.settings.data.seconds, classes=len(data.classes))
    net = FineTunedNet(spec)
    return FineTunedTeacher(
        name=member.name,
        spec=spec,
        hash=hf_hash(folder),
        parameters=sum(p.numel() for p in net.parameters()),
        train=member.train or FINE_TUNING,
        seed=member.seed,
        folds=folds,
    )
