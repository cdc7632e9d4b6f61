"""What a proxy is given and what it gives back; both travel between processes and machines."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.models.student import Student
from hwasc.records.architecture import Architecture
from hwasc.records.settings import TrainSettings
from hwasc.records.space import Point, SearchSpace
from hwasc.training.distillation import DistillationData, train_student
from hwasc.training.loop import predict
from hwasc.training.loss import clip_losses
from hwasc.training.metrics import macro_accuracy

CALIBRATION_CLIPS = 256


@dataclass(frozen=True)
class Proposal:
    """A candidate: a point of the space and the architecture there."""

    point: Point
    architecture: Architecture


@dataclass(frozen=True)
class Supernet:
    """Where a supernet's weights lie and what space they are for."""

    weights: Path
    space: SearchSpace
    seconds: float


@dataclass(frozen=True)
class Candidate:
    """A job for any process: score one candidate by a proxy, a name or an object.

    validation: the clips it is measured on; ensemble: the fused teachers' logits (n, classes) of these, None: labels alone.

    train_settings: of proxies that train from scratch. steps: of distillation that a slice of a supernet gets for itself.
    qat: quantization-aware distillation after calibration (None: none), cut to `qat_steps` steps where that is not 0.
    supernet: for the proxy that takes a slice of one.
    """

    proxy: str | Callable[[Candidate], Score]
    proposal: Proposal
    data: DistillationData
    validation: Features
    train_settings: TrainSettings
    qat: TrainSettings | None
    qat_steps: int
    seed: int
    device: str
    supernet: Supernet | None = None
    steps: int = 0
    ensemble: np.ndarray | None = None


@dataclass(frozen=True)
class Score:
    """value: what candidates are ranked by, higher is better. seconds: what the score took.

    Of proxies that train, on the validation clips: value is exp(-L), 0..1, of the int8 net's distillation loss L there, which
    also counts what a net gets almost right (`experiments/search/loss_or_accuracy.md`); value_error: its standard error
    over clips. accuracy (int8), float_accuracy: macro, 0..1 (the latter not of slices, thousands of which are scored);
    standard_error: the former's, binomial. None of others.
    """

    value: float
    seconds: float
    accuracy: float | None = None
    float_accuracy: float | None = None
    standard_error: float | None = None
    value_error: float | None = None


def calibration_batches(train: Features, seed: int, clips: int = CALIBRATION_CLIPS) -> list[torch.Tensor]:
    """Unaugmented training clips, drawn by the seed, that activation scales are set on; in batches of up to 128.

    Brevitas walks through the whole net for every layer and batch that it corrects a bias in: few batches save that.
    """
    rows = np.random.default_rng([seed, 7]).permutation(len(train))[:clips]
    return [train.batch(rows[i : i + 128]) for i in range(0, len(rows), 128)]


def accuracy(model: Student, features: Features, device: torch.device) -> float:
    """Macro accuracy, 0..1."""
    predicted = torch.from_numpy(predict(model, features, device)).argmax(1)
    return macro_accuracy(predicted, torch.from_numpy(features.labels), len(features.classes))


def int8_score(
    float_model: Student,
    c: Candidate,
    device: torch.device,
    start: float,
    clips: int = CALIBRATION_CLIPS,
    float_too: bool = True,
) -> Score:
    """Quantize a trained student, calibrate it on so many clips (and train it so, where the job says so); measure it on the
    validation clips, and before that the float student.
    """
    from hwasc.training.quantization import calibrate, freeze, quantize

    float_accuracy = accuracy(float_model, c.validation, device) if float_too else None
    quantized = calibrate(quantize(float_model), calibration_batches(c.data.train, c.seed, clips))
    if c.qat is not None:
        train_student(quantized, *limit_steps(c.data, c.qat, c.qat_steps, c.seed), device=device, seed=c.seed + 500_000)
    logits, labels = (
        torch.from_numpy(predict(freeze(quantized), c.validation, device)),
        torch.from_numpy(c.validation.labels),
    )
    int8 = macro_accuracy(logits.argmax(1), labels, len(c.validation.classes))
    soft = None if c.ensemble is None else torch.from_numpy(c.ensemble)
    losses = clip_losses(
        logits, labels, soft, alpha=c.data.alpha, temperature=c.data.temperature, reduction=c.data.reduction
    ).double()
    value, clips = math.exp(-float(losses.mean())), len(c.validation)
    return Score(
        value,
        time.monotonic() - start,
        int8,
        float_accuracy,
        math.sqrt(max(int8 * (1 - int8), 0.0) / clips),
        value * float(losses.std(correction=0)) / math.sqrt(clips),
    )


def limit_steps(
    data: DistillationData, settings: TrainSettings, steps: int, seed: int
) -> tuple[DistillationData, TrainSettings]:
    """The lesson and its settings for about so many steps: whole epochs, or one over some of the clips; 0 cuts nothing."""
    if steps == 0:
        return data, settings
    wanted, clips = steps * settings.batch, len(data.train)
    rows = np.random.default_rng([seed, 11]).permutation(clips)[:wanted]
    return replace(data, rows=rows), replace(settings, epochs=max(round(wanted / clips), 1))
