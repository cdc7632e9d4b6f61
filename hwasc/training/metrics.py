"""Metrics of a classifier: macro accuracy, log loss and calibration, by scene, device, device group and location."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hwasc.data.features import Features
from hwasc.errors import HwascError
from hwasc.training.calibration_error import expected_calibration_error
from hwasc.training.location_error import location_error

REAL = ("a", "b", "c")  # TAU's real recording devices; its others are simulated


@dataclass(frozen=True)
class Metrics:
    """Metrics of one classifier on one set of clips.

    Attributes:
        clips: Number of clips.
        accuracy: Macro accuracy over scenes, 0..1, the DCASE score.
        log_loss: Mean cross-entropy over clips, in nats.
        ece: Expected calibration error, 0..1.
        by_location: Share of locations (recordings) whose summed log-probabilities are greatest for the right scene, 0..1.
        locations: Number of locations.
        per_class: Accuracy by scene, 0..1.
        per_device: Macro accuracy by recording device, 0..1.
        groups: Macro accuracy by group of devices, 0..1.
        confusion: Clips by true scene (row) and predicted scene (column).
        standard_error: Of `accuracy`, over locations: clips of one place are right or wrong together. None where a scene
            has one location only, and in results of versions that did not have it.
    """

    clips: int
    accuracy: float
    log_loss: float
    ece: float
    by_location: float
    locations: int
    per_class: dict[str, float]
    per_device: dict[str, float]
    groups: dict[str, float]
    confusion: list[list[int]]
    standard_error: float | None = None


def macro_accuracy(predicted: Tensor, labels: Tensor, classes: int, *, weights: np.ndarray | None = None) -> float:
    """Compute the mean over the classes present of each class's accuracy (the DCASE score).

    Args:
        predicted: Predicted classes, (n,).
        labels: True classes, (n,).
        classes: Number of classes.
        weights: How much each clip counts, (n,); None: all alike.

    Returns:
        0..1; 0 without clips.
    """
    each = torch.ones(len(labels)) if weights is None else torch.from_numpy(weights)
    hits = predicted == labels
    right = torch.bincount(labels[hits], each[hits], minlength=classes).float()
    count = torch.bincount(labels, each, minlength=classes).float()
    present = count > 0
    return float((right[present] / count[present]).mean()) if bool(present.any()) else 0.0


def measure_logits(logits: np.ndarray, features: Features, seen: Iterable[str]) -> Metrics:
    """Compute all metrics of a classifier.

    Device groups are `real` (TAU's a, b, c), `seen` (simulated, with training clips) and `unseen` (without training clips); for
    other data than TAU only `seen` and `unseen`.

    Args:
        logits: (n, classes).
        features: The n clips.
        seen: Devices that training clips were recorded with.

    Returns:
        The metrics.

    Raises:
        HwascError: A logit is not finite: no figure follows from it.
    """
    if not np.isfinite(logits).all():
        count = int((~np.isfinite(logits)).any(1).sum())
        raise HwascError(
            f"{count:,} of {len(logits):,} clips have logits that are not finite, so no figure follows; the weights or the "
            "features are damaged: train anew, or delete the cache of features"
        )
    y, labels, classes = torch.from_numpy(logits), torch.from_numpy(features.labels), features.classes
    predicted = y.argmax(1)
    trained_on = set(seen)
    devices = sorted(set(features.devices.tolist()))
    tau = set(REAL) <= set(devices)
    group_of = {d: "real" if tau and d in REAL else "seen" if d in trained_on else "unseen" for d in devices}

    def accuracy(mask: np.ndarray) -> float:
        rows = torch.from_numpy(np.flatnonzero(mask))
        return macro_accuracy(predicted[rows], labels[rows], len(classes))

    confusion = torch.zeros(len(classes), len(classes), dtype=torch.int64)
    confusion.index_put_((labels, predicted), torch.ones_like(labels), accumulate=True)
    group = np.array([group_of[d] for d in features.devices])
    right, places = _by_location(y, features)
    return Metrics(
        clips=len(features),
        accuracy=macro_accuracy(predicted, labels, len(classes)),
        log_loss=float(F.cross_entropy(y, labels)),
        ece=expected_calibration_error(y, labels),
        by_location=right / places,
        locations=places,
        per_class={
            c: float((predicted[labels == i] == i).float().mean())
            for i, c in enumerate(classes)
            if bool((labels == i).any())
        },
        per_device={d: accuracy(features.devices == d) for d in devices},
        groups={g: accuracy(group == g) for g in ("real", "seen", "unseen") if (group == g).any()},
        confusion=confusion.tolist(),
        standard_error=standard_error(predicted == labels, features),
    )


def _by_location(logits: torch.Tensor, features: Features) -> tuple[int, int]:
    total: dict[tuple[str, int], torch.Tensor] = {}
    for clip, label, row in zip(features.clips, features.labels, F.log_softmax(logits, 1), strict=True):
        key = (clip.location, int(label))
        total[key] = total.get(key, torch.zeros_like(row)) + row
    return sum(int(row.argmax()) == label for (_, label), row in total.items()), len(total)


def standard_error(right: torch.Tensor, features: Features) -> float | None:
    """Estimate the standard error of the macro accuracy over locations.

    Linear approximation, corrected for the number of locations of each scene.

    Args:
        right: Whether each clip's class is the true one, (n,).
        features: The clips.

    Returns:
        0..1; None where a scene has one location only.
    """
    hits = right.numpy().astype(np.float64)
    return location_error(hits, np.ones(len(hits)), features.labels, [clip.location for clip in features.clips])
