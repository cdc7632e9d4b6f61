"""Training one fold of a family's net, in this process or another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.ensemble.pretrained import StartWeights, load_start_weights
from hwasc.models.teachers import Family, TeacherSpec, build, provide
from hwasc.parallel.device import pick_device
from hwasc.parallel.gradient_accumulation import is_first_rank
from hwasc.records import schema
from hwasc.records.train_settings import TrainSettings
from hwasc.records.training_clips import KEY
from hwasc.training.batches import Augment, count_batches, training_batches
from hwasc.training.loop import fit
from hwasc.training.loss import distillation_loss
from hwasc.training.pace import step_seconds
from hwasc.training.weights import save_weights


@dataclass(frozen=True, kw_only=True)
class FamilyJob:
    """The training of one fold, as a `Job`.

    Attributes:
        name: The teacher's.
        family: Its family; a process that was spawned does not know what was registered here.
        spec: Family, width and front end.
        train: The training clips of all folds through its front end.
        rows: Those of the other folds, on which it is trained.
        augment: Augmentation of the batches.
        settings: Of the training.
        seed: Of weights, batches and augmentation.
        device: Where it is trained.
        weights: The file that is written.
        start: The weights that it starts from; None: random ones.
        clips: The record of the training clips, which goes into the file.
        on_all_ranks: True.
    """

    name: str
    family: Family
    spec: TeacherSpec
    train: Features
    rows: np.ndarray
    augment: Augment
    settings: TrainSettings
    seed: int
    device: str
    weights: Path
    start: StartWeights | None
    clips: str
    on_all_ranks: bool = True

    @property
    def label(self) -> str:
        """Teacher and fold."""
        return f"{self.name} {self.weights.stem}"

    @property
    def steps(self) -> int:
        """Of the training."""
        return self.settings.epochs * count_batches(len(self.rows), self.settings.batch)

    def step_seconds(self) -> float:
        """Time a step on this machine."""
        fe = self.spec.front_end
        with torch.random.fork_rng(devices=[]):
            net = build(self.spec, len(self.train.classes))
        return step_seconds(net, (self.settings.batch, 1, fe.mels, fe.frames), pick_device(self.device))

    def run(self) -> str:
        """Train and write the weights; an interrupted training resumes at its last epoch. Returns the last loss in words."""
        provide(self.family)
        torch.manual_seed(self.seed)
        classes = len(self.train.classes)
        model = build(self.spec, classes)
        if self.start:
            load_start_weights(model, self.spec, classes, self.start)
        last = [0.0]
        fit(
            model,
            lambda epoch: training_batches(
                self.train,
                None,
                batch=self.settings.batch,
                augment=self.augment,
                seed=self.seed,
                epoch=epoch,
                rows=self.rows,
            ),
            steps_per_epoch=count_batches(len(self.rows), self.settings.batch),
            loss=lambda logits, batch: distillation_loss(logits, batch.labels, None, alpha=0, temperature=1),
            settings=self.settings,
            device=pick_device(self.device),
            seed=self.seed,
            checkpoint=self.weights.with_suffix(".ckpt"),
            on_epoch=lambda _, loss: last.__setitem__(0, loss),
        )
        if is_first_rank():
            started = {"start": self.start.hash, "start_file": self.start.file.name} if self.start else {}
            save_weights(self.weights, model, {"spec": schema.canonical(self.spec), KEY: self.clips, **started})
            self.weights.with_suffix(".ckpt").unlink(missing_ok=True)
        return f"last loss {last[0]:.3f}"
