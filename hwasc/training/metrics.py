"""What a classifier reached: macro accuracy, log loss and calibration, by scene, device, device group and location."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from hwasc.data.features import Features
from hwasc.training.calibration_error import expected_calibration_error
from hwasc.training.loss import macro_accuracy

REAL = ("a", "b", "c")  # TAU's real recorders; its others are simulated


@dataclass(frozen=True)
class Metrics:
    """Accuracies 0..1 (macro over scenes, as DCASE counts), log loss in nats, ece 0..1 (see
    `calibration`), confusion[true][predicted] in clips.

    by_location: the share of locations (recordings) whose summed logits name the right scene.
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


def measure_logits(logits: np.ndarray, features: Features, seen: Iterable[str]) -> Metrics:
    """Metrics of logits (n, classes) on `features`. seen: the devices that training heard.

    Groups: `real` (TAU's a, b, c), `seen` (simulated and heard in training), `unseen`; for other data `seen` and `unseen`.
    """
    y, labels, classes = torch.from_numpy(logits), torch.from_numpy(features.labels), features.classes
    predicted = y.argmax(1)
    known = set(seen)
    devices = sorted(set(features.devices.tolist()))
    tau = set(REAL) <= set(devices)
    group_of = {d: "real" if tau and d in REAL else "seen" if d in known else "unseen" for d in devices}

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
    )


def _by_location(logits: torch.Tensor, features: Features) -> tuple[int, int]:
    total: dict[tuple[str, int], torch.Tensor] = {}
    for clip, label, row in zip(features.clips, features.labels, F.log_softmax(logits, 1), strict=True):
        key = (clip.location, int(label))
        total[key] = total.get(key, torch.zeros_like(row)) + row
    return sum(int(row.argmax()) == label for (_, label), row in total.items()), len(total)
