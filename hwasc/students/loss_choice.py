"""Choosing alpha and temperature of the distillation loss by short distillations, scored on validation locations."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from hwasc.data.features import Features
from hwasc.records.architecture import Architecture
from hwasc.records.distill_settings import DistillSettings
from hwasc.records.training_clips import TrainingClips
from hwasc.students.starts import Start, train_from
from hwasc.training.distillation import DistillationData
from hwasc.training.loop import predict
from hwasc.workspace import Workspace

ALPHAS = (0.5, 0.7, 0.9)
TEMPERATURES = (1.0, 2.0, 4.0)
SHORTER = 4  # times fewer epochs than the training that follows
FOLDER = "loss_choice"  # in the run folder


@dataclass(frozen=True, kw_only=True)
class LossTrial:
    """A short distillation.

    Attributes:
        alpha: Share of the teachers in the loss, 0..1.
        temperature: T.
        accuracy: Mean over validation locations of the share of clips named right, 0..1.
        log_loss: Mean cross-entropy over validation clips, nats.
        gain: In accuracy over the values of the settings, -1..1.
        error: Standard error of the gain over locations.
    """

    alpha: float
    temperature: float
    accuracy: float
    log_loss: float
    gain: float
    error: float


@dataclass(frozen=True, kw_only=True)
class LossChoice:
    """What was compared, and what was chosen by validation clips.

    Attributes:
        epochs: Of each trial.
        trials: The values of the settings first.
        alpha: The chosen one.
        temperature: The chosen one.
    """

    epochs: int
    trials: tuple[LossTrial, ...]
    alpha: float
    temperature: float


def candidates(settings: DistillSettings) -> list[tuple[float, float]]:
    """List alphas and temperatures to compare.

    Args:
        settings: What `choose` names varies over the grid; the rest is as set.

    Returns:
        Pairs, that of the settings first.
    """
    d = settings
    alphas = ALPHAS if "alpha" in d.choose else (d.alpha,)
    temperatures = TEMPERATURES if "temperature" in d.choose else (d.temperature,)
    grid = [(float(a), float(t)) for a, t in itertools.product(alphas, temperatures)]
    return list(dict.fromkeys([(float(d.alpha), float(d.temperature)), *grid]))


def choose_loss(
    ws: Workspace,
    data: DistillationData,
    architecture: Architecture,
    start: Start | None,
    *,
    run: Path,
    clips: TrainingClips,
) -> tuple[DistillationData, LossChoice | None]:
    """Choose what `distill.choose` names: the values with the greatest gain on validation locations.

    The settings' own values remain where the gain is no more than its standard error. The test split is not read.

    Args:
        ws: Data and settings.
        data: What the student is trained on.
        architecture: The net.
        start: The weights that each training starts from, or None for random ones.
        run: The run folder, where every trial can be resumed.
        clips: The recordings that the student is trained on and chosen by.

    Returns:
        The data with the chosen values, and the comparison; None where nothing was to be chosen.
    """
    d = ws.settings.distill
    if not d.choose or not data.taught:
        return data, None
    train = replace(d.train, epochs=max(1, d.train.epochs // SHORTER))
    short = replace(ws, settings=replace(ws.settings, distill=replace(d, train=train)))
    validation = ws.features(ws.dataset.validation, architecture.front_end, "validation")
    right: list[np.ndarray] = []
    trials: list[LossTrial] = []
    for alpha, temperature in candidates(d):
        ws.reporter.say(f"choosing the loss: alpha {alpha:g}, temperature {temperature:g}")
        tried = replace(data, alpha=alpha, temperature=temperature)
        folder = run / FOLDER / f"{alpha:g}-{temperature:g}"
        student, _ = train_from(short, tried, architecture, start, run=folder, clips=clips)
        logits = predict(student, validation, ws.device)
        right.append(_right_by_location(logits, validation))
        gains = right[-1] - right[0]
        error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
        trials.append(
            LossTrial(
                alpha=alpha,
                temperature=temperature,
                accuracy=float(right[-1].mean()),
                log_loss=float(F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(validation.labels))),
                gain=float(gains.mean()),
                error=error,
            )
        )
    best = chosen(trials)
    ws.reporter.say(f"chosen on validation clips: alpha {best.alpha:g}, temperature {best.temperature:g}")
    choice = LossChoice(epochs=train.epochs, trials=tuple(trials), alpha=best.alpha, temperature=best.temperature)
    return replace(data, alpha=best.alpha, temperature=best.temperature), choice


def chosen(trials: list[LossTrial]) -> LossTrial:
    """The trial with the greatest gain, if that is above its standard error; else the first, of the settings."""
    best = max(trials, key=lambda t: t.gain)
    return best if best.gain > best.error else trials[0]


def _right_by_location(logits: np.ndarray, features: Features) -> np.ndarray:
    right = logits.argmax(1) == features.labels
    locations = np.array([clip.location for clip in features.clips])
    return np.array([right[locations == place].mean() for place in np.unique(locations)])
