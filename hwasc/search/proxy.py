"""The proxy score: a short ensemble distillation, then Brevitas int8, then accuracy on validation clips."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.models import student
from hwasc.records.architecture import Architecture
from hwasc.records.settings import TrainSettings
from hwasc.training.batches import Augment, steps, training_batches
from hwasc.training.device import pick_device
from hwasc.training.loop import fit, predict
from hwasc.training.loss import distillation_loss, macro_accuracy

CALIBRATION_CLIPS = 256


@dataclass(frozen=True)
class Candidate:
    """A job for any process. targets: the ensemble's logits (n, classes) of the training clips."""

    architecture: Architecture
    train: Features
    validation: Features
    targets: np.ndarray
    augment: Augment
    settings: TrainSettings
    alpha: float
    temperature: float
    seed: int
    device: str


@dataclass(frozen=True)
class Score:
    """Macro accuracies on the validation clips, 0..1; standard_error: binomial, over clips; seconds it took."""

    accuracy: float
    float_accuracy: float
    standard_error: float
    seconds: float


def score(candidate: Candidate) -> Score:
    """Train a candidate briefly from the seed, quantize and calibrate it, measure it on the validation clips."""
    from hwasc.training.quantization import calibrate, quantize

    start = time.monotonic()
    c, train, device = candidate, candidate.train, pick_device(candidate.device)
    torch.manual_seed(c.seed)
    model = student.build(c.architecture)
    fit(
        model,
        lambda epoch: training_batches(train, c.targets, c.settings.batch, c.augment, c.seed, epoch),
        steps(len(train), c.settings.batch),
        lambda y, labels, soft: distillation_loss(y, labels, soft, c.alpha, c.temperature),
        c.settings,
        device,
        c.seed,
    )
    labels = torch.from_numpy(c.validation.labels)
    classes = c.architecture.classes
    float_accuracy = macro_accuracy(torch.from_numpy(predict(model, c.validation, device)).argmax(1), labels, classes)
    quantized = calibrate(quantize(model), calibration_batches(train, c.seed))
    accuracy = macro_accuracy(torch.from_numpy(predict(quantized, c.validation, device)).argmax(1), labels, classes)
    error = math.sqrt(max(accuracy * (1 - accuracy), 0.0) / len(c.validation))
    return Score(accuracy, float_accuracy, error, time.monotonic() - start)


def calibration_batches(train: Features, seed: int) -> list[torch.Tensor]:
    """Unaugmented training clips, drawn by the seed, that activation scales are set on."""
    rows = np.random.default_rng([seed, 7]).permutation(len(train))[:CALIBRATION_CLIPS]
    return [train.batch(rows[i : i + 64]) for i in range(0, len(rows), 64)]
