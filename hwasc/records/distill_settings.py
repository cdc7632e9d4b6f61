"""Settings of the distillation of a student."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from hwasc.records.data_settings import AugmentSettings
from hwasc.records.schema import STRICT
from hwasc.records.train_settings import TrainSettings


@dataclass(frozen=True)
class DistillSettings:
    """Distillation of a student, with the loss (1 - alpha) CE + alpha T^2 KL.

    `experiments/distillation/loss.md` shows what each setting does.

    Attributes:
        seed: Of the student's weights, batches and augmentation; None: the run's seed, which also decides splits and teachers.
        initial_weights: `winner`: the weights that a search wrote beside its winner, if they were trained on the same clips and
            alpha is above 0. `random`: random weights. `both`: a float training from each; the better student on validation
            clips goes on.
        alpha: Share of the teachers in the loss, 0..1; 0 trains on labels alone.
        temperature: T, above 0.
        choose: What is chosen by short distillations scored on validation locations, of `alpha` (0.5, 0.7, 0.9) and `temperature`
            (1, 2, 4); the values above remain where no other is better by more than a standard error. In `distill` alone.
        reduction: Of KL. `batchmean` sums over classes, as the definition of KL does. `mean` averages over classes too, as some
            recipes do: with C classes KL counts 1 / C as much, as if alpha / (1 - alpha) were C times smaller (and the whole
            loss smaller).
        label_smoothing: Share of the labels that is spread evenly over all classes, 0 to below 1.
        branches: Parallel branches of each convolution in the float training, 1 to 8; 1: none. They are folded into the one
            convolution that ships, so that costs do not change.
        targets: Which teachers the targets come from. `all`: the mean over the teachers of every fold, of which all but one were
            trained on the clip. `out_of_fold`: only the teachers that were not trained on the clip; their logits are unbiased,
            but from teachers with less data. `corrected`: as `out_of_fold`, and where the highest logit is of a wrong class, it
            is exchanged with the true class's (arXiv 1911.07471).
        teacher_view: The clips that the teachers process. `cached`: the clips as recorded, once. `augmented`: each batch with
            the student's augmentation in log-mel. `waveform`: views of each clip that are made in the waveform, once, for the
            student and for every teacher. The last two are for `distill` alone: a search's proxies use cached targets.
        teacher_views: Views of each clip, one an epoch; after so many epochs the same views with their cached logits come again.
            With `augmented` teachers 0 makes new views in every epoch; `waveform` needs 1 at least.
        feature_weight: Weight of feature distillation in the training of the float student: 1 - cos of the angle between a linear
            map of its last features, which only training knows, and a teacher's standardised embedding. 0: none.
        feature_teacher: Name of the teacher whose embeddings these are; None: the first of `teachers` that has embeddings.
        augment: Augmentation of students alone; fields that are left out are as in `Settings.augment`.
        train: Training of the float student.
        qat: Quantization-aware training of the int8 student.
        qat_frozen_epochs: Last epochs of `qat` in which activation scales are fixed.
        device_train: Fine-tuning of a float student on the clips of one device (`hwasc distill --per-device`); `qat` follows.
        device_clips: Fewest training clips of a device that gets a student of its own.
    """

    seed: int | None = None
    initial_weights: Literal["winner", "random", "both"] = "winner"
    alpha: float = 0.7
    temperature: float = 2.0
    choose: tuple[Literal["alpha", "temperature"], ...] = ()
    reduction: Literal["batchmean", "mean"] = "batchmean"
    label_smoothing: float = 0.0
    branches: int = 1
    targets: Literal["all", "out_of_fold", "corrected"] = "all"
    teacher_view: Literal["cached", "augmented", "waveform"] = "cached"
    teacher_views: int = 0
    feature_weight: float = 0.0
    feature_teacher: str | None = None
    augment: AugmentSettings | None = None
    train: TrainSettings = field(default_factory=TrainSettings)
    qat: TrainSettings = field(default_factory=lambda: TrainSettings(3, 32, 3e-4, 0.0))
    qat_frozen_epochs: int = 0
    device_train: TrainSettings = field(default_factory=lambda: TrainSettings(10, 32, 1e-3, 1e-3))
    device_clips: int = 100

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if not 0 <= self.qat_frozen_epochs <= self.qat.epochs:
            raise ValueError(
                f"need 0 <= qat_frozen_epochs <= qat.epochs, found {self.qat_frozen_epochs} and {self.qat.epochs}"
            )
        if self.teacher_view == "augmented" and (self.alpha == 0 or self.targets != "all"):
            raise ValueError("teacher_view: 'augmented' needs teachers (alpha above 0), and targets 'all'")
        if self.choose and self.alpha == 0:
            raise ValueError("choose: there is nothing to choose without teachers (alpha 0)")
        least = 1 if self.teacher_view == "waveform" else 0
        if self.teacher_views < least or (self.teacher_views and self.teacher_view == "cached"):
            raise ValueError(
                "teacher_views: 0, or above 0 with teacher_view 'augmented' or 'waveform' (which needs 1 at least), found "
                f"{self.teacher_views}"
            )
        if not 0 <= self.label_smoothing < 1 or not 1 <= self.branches <= 8:
            raise ValueError(
                f"need 0 <= label_smoothing < 1 and branches from 1 to 8, found {self.label_smoothing}, {self.branches}"
            )
        if not 0 <= self.feature_weight <= 1000:
            raise ValueError(f"feature_weight: need 0 to 1000, found {self.feature_weight}")
        if self.device_clips < 2:
            raise ValueError(f"device_clips: need at least 2, found {self.device_clips}")
        if not 0 <= self.alpha <= 1 or self.temperature <= 0:
            raise ValueError(f"need 0 <= alpha <= 1 and temperature > 0, found {self.alpha}, {self.temperature}")
