"""The job that a proxy scores and the score that it returns. Both can be sent to other processes and machines."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.models.student import Student
from hwasc.nas.clip_weights import clip_weights
from hwasc.nas.location_scores import LocationScore
from hwasc.records.architecture import Architecture
from hwasc.records.space import Point, SearchSpace
from hwasc.records.train_settings import TrainSettings
from hwasc.training.distillation import DistillationData, train_student
from hwasc.training.loop import predict
from hwasc.training.loss import clip_losses
from hwasc.training.metrics import macro_accuracy

CALIBRATION_CLIPS = 256


@dataclass(frozen=True)
class Proposal:
    """A candidate.

    Attributes:
        point: A point of the space.
        architecture: The architecture at the point.
        training: Number of the training, from 0, where it is trained several times; it is added to the seed.
    """

    point: Point
    architecture: Architecture
    training: int = 0


@dataclass(frozen=True)
class Supernet:
    """A trained supernet.

    Attributes:
        weights: The file of its weights.
        space: The space that it was trained for.
        seconds: Length of a clip, s.
    """

    weights: Path
    space: SearchSpace
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A job for any process: score one candidate by a proxy, a name or an object.

    Attributes:
        proxy: The proxy, a name or an object.
        proposal: The candidate.
        data: What it is trained on.
        validation: The clips that it is measured on.
        train_settings: Training, for proxies that train from scratch.
        qat: Quantization-aware distillation after calibration; None: none.
        qat_steps: Steps of `qat` at most; 0: no limit.
        seed: Of weights, batches and augmentation.
        device: Where it is trained, as torch names it.
        supernet: The supernet, for the proxy that takes a slice of it.
        steps: Steps of distillation that a slice trains by itself.
        batch: Clips of such a step.
        ensemble: The ensemble's logits of the validation clips, (n, classes); None: the loss is of labels alone.
        rows: Indices of the validation clips that it is measured on, (m,); None: all.
        by_clip: Whether the score has the figures of each of these clips.
        quantized: Whether the int8 net is measured, or the float one, which takes about half the time.
        weigh: What counts alike, see `SearchSettings.weigh`.
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
    batch: int = 16
    ensemble: np.ndarray | None = None
    rows: np.ndarray | None = None
    by_clip: bool = False
    quantized: bool = True
    weigh: str = "clips"


@dataclass(frozen=True)
class Score:
    """The score of a candidate. What proxies that do not train cannot measure is None.

    Attributes:
        value: What candidates are ranked by, higher is better. Of proxies that train: exp(-L), 0..1, of the measured net's
            distillation loss L on validation clips. Unlike accuracy it also counts clips that are almost right
            (`experiments/search/loss_or_accuracy.md`).
        seconds: Time that the score took, s.
        accuracy: Of the measured net on validation clips, macro, 0..1.
        float_accuracy: Of the float net, likewise; None for int8 slices of a supernet, because thousands of them are scored.
        standard_error: Of `accuracy` over clips, binomial.
        value_error: Standard error of `value` over clips, or over locations where there is a score for each of these.
        losses: Distillation loss of each clip that was measured, with `Candidate.by_clip`; else None.
        right: Whether the net names each of these clips rightly.
        locations: Scores by location, of a candidate that was trained and measured fold by fold.
        quantized: Whether the net that was measured is the int8 one.
    """

    value: float
    seconds: float
    _: KW_ONLY
    accuracy: float | None = None
    float_accuracy: float | None = None
    standard_error: float | None = None
    value_error: float | None = None
    losses: tuple[float, ...] | None = None
    right: tuple[bool, ...] | None = None
    locations: tuple[LocationScore, ...] | None = None
    quantized: bool = True


def calibration_batches(
    train: Features, seed: int, clips: int = CALIBRATION_CLIPS, rows: np.ndarray | None = None
) -> list[torch.Tensor]:
    """Draw the training clips that activation scales are calibrated on, without augmentation.

    Brevitas runs the whole net for every layer and batch that it corrects a bias in, so batches are few and large.

    Args:
        train: The training clips.
        seed: Of the draw.
        clips: How many.
        rows: Indices of the clips that may be drawn; None: all.

    Returns:
        Log-mels in batches of up to 128 clips, (B, 1, mels, frames) each.
    """
    drawn = np.random.default_rng([seed, 7]).permutation(len(train) if rows is None else rows)[:clips]
    return [train.batch(drawn[i : i + 128]) for i in range(0, len(drawn), 128)]


def accuracy(
    model: Student,
    features: Features,
    device: torch.device,
    rows: np.ndarray | None = None,
    *,
    weights: np.ndarray | None = None,
) -> float:
    """Measure a student's macro accuracy.

    Args:
        model: The student.
        features: The clips.
        device: Where it runs.
        rows: Indices of the clips that count; None: all.
        weights: How much each of these counts; None: all alike.

    Returns:
        The accuracy, 0..1.
    """
    predicted = torch.from_numpy(predict(model, features, device, rows=rows)).argmax(1)
    labels = features.labels if rows is None else features.labels[rows]
    return macro_accuracy(predicted, torch.from_numpy(labels), len(features.classes), weights=weights)


def measured_score(
    float_model: Student,
    c: Candidate,
    device: torch.device,
    start: float,
    clips: int = CALIBRATION_CLIPS,
    float_too: bool = True,
) -> Score:
    """Score a trained student on the validation clips, quantized unless the job says otherwise.

    Args:
        float_model: The student.
        c: The job; it names the clips, and quantization-aware training if any.
        device: Where it runs.
        start: `time.monotonic()` at the start of the job.
        clips: Training clips to calibrate on.
        float_too: Whether to measure the float student as well.

    Returns:
        The score.
    """
    rows = np.arange(len(c.validation)) if c.rows is None else c.rows
    weights = clip_weights([c.validation.clips[i] for i in rows], c.weigh)
    float_accuracy = (
        accuracy(float_model, c.validation, device, rows, weights=weights) if float_too and c.quantized else None
    )
    model = _quantized(float_model, c, device, clips) if c.quantized else float_model
    logits = torch.from_numpy(predict(model, c.validation, device, rows=rows))
    labels = torch.from_numpy(c.validation.labels[rows])
    predicted = logits.argmax(1)
    share = macro_accuracy(predicted, labels, len(c.validation.classes), weights=weights)
    soft = None if c.ensemble is None else torch.from_numpy(c.ensemble[rows])
    losses = clip_losses(
        logits, labels, soft, alpha=c.data.alpha, temperature=c.data.temperature, reduction=c.data.reduction
    ).double()
    mean = float((losses.numpy() * weights).mean())
    spread = float((weights**2 * (losses.numpy() - mean) ** 2).mean())
    value = math.exp(-mean)
    return Score(
        value=value,
        seconds=time.monotonic() - start,
        accuracy=share,
        float_accuracy=float_accuracy if c.quantized else share,
        standard_error=math.sqrt(max(share * (1 - share), 0.0) * float((weights**2).mean()) / len(rows)),
        value_error=value * math.sqrt(spread / len(rows)),
        losses=tuple(losses.tolist()) if c.by_clip else None,
        right=tuple((predicted == labels).tolist()) if c.by_clip else None,
        quantized=c.quantized,
    )


def _quantized(float_model: Student, c: Candidate, device: torch.device, clips: int) -> Student:
    """The int8 student, calibrated, trained further if the job says so, and frozen."""
    from hwasc.training.quantization import calibrate, freeze, quantize

    quantized = calibrate(quantize(float_model), calibration_batches(c.data.train, c.seed, clips, c.data.rows))
    if c.qat is not None:
        train_student(quantized, *limit_steps(c.data, c.qat, c.qat_steps, c.seed), device=device, seed=c.seed + 500_000)
    return freeze(quantized)


def limit_steps(
    data: DistillationData, settings: TrainSettings, steps: int, seed: int
) -> tuple[DistillationData, TrainSettings]:
    """Limit a training to about so many steps: to whole epochs, or to one epoch over some of the clips.

    Args:
        data: What is trained on.
        settings: Of the training.
        steps: Batches; 0: no limit.
        seed: Of the choice of clips.

    Returns:
        Data and settings of the limited training.
    """
    if steps == 0:
        return data, settings
    wanted, clips = steps * settings.batch, data.clips
    rows = np.random.default_rng([seed, 11]).permutation(clips if data.rows is None else data.rows)[:wanted]
    return replace(data, rows=rows), replace(settings, epochs=max(round(wanted / clips), 1))
