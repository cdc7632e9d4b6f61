"""Small random data, candidates and students that contract tests run parts on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.models import supernet
from hwasc.models.student import Student, build
from hwasc.nas.job import Candidate, Proposal, Supernet
from hwasc.records import schema
from hwasc.records.front_end import FrontEnd
from hwasc.records.space import FrontEndChoices, SearchSpace, Stage
from hwasc.records.train_settings import TrainSettings
from hwasc.records.training_clips import TrainingClips
from hwasc.training.distillation import DistillationData
from hwasc.training.weights import save_weights

CLASSES = ("bus", "park", "street")
SPACE = SearchSpace(
    "contract",
    FrontEndChoices((40,), (17,)),
    (4,),
    (Stage((1,), (8, 16), (2,), (3, 5)), Stage((1,), (16, 24), (2,), stride=("2x1",), grn=("none", "scalar"))),
)

FRONT_END = FrontEnd.for_clip(40, 17)
TRAINING_CLIPS = TrainingClips(data="example", train={"0123456789abcdef": ""}, validation={"fedcba9876543210": ""})


def features(path: Path, front_end: FrontEnd, *, clips: int = 48, seed: int = 0) -> Features:
    """Random log-mels, louder in another band for each class.

    Args:
        path: A file that is written.
        front_end: Gives mels and frames.
        clips: How many.
        seed: Of the random numbers.

    Returns:
        Features of the clips.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(clips) % len(CLASSES)
    x = rng.standard_normal((clips, front_end.mels, front_end.frames))
    for band, rows in enumerate(np.array_split(np.arange(front_end.mels), len(CLASSES))):
        x[np.ix_(labels == band, rows)] += 1.5
    path.write_bytes(x.astype(np.float16).tobytes())
    table = [
        Clip(
            id=f"{i}.wav",
            path=Path(f"{i}.wav"),
            start=0.0,
            seconds=1.0,
            scene=CLASSES[k],
            location=f"place{i % 7}",
            device="a",
        )
        for i, k in enumerate(labels)
    ]
    return Features(
        path=path,
        shape=(front_end.mels, front_end.frames),
        clips=table,
        classes=CLASSES,
        hashes=[f"{i:016x}" for i in range(clips)],
    )


def candidates(folder: Path) -> list[Candidate]:
    """Two different candidates with data, ensemble targets and the weights of a supernet.

    Args:
        folder: The folder of the files that they refer to.

    Returns:
        Jobs for the proxy `distillation`; replace `proxy` for another.
    """
    points = [{name: values[i % len(values)] for name, values in SPACE.choices().items()} for i in range(2)]
    torch.manual_seed(0)
    weights = folder / "supernet.safetensors"
    save_weights(weights, supernet.Supernet(SPACE, len(CLASSES)))
    train, validation = (features(folder / f"{seed}.features", FRONT_END, seed=seed) for seed in (0, 1))
    targets, ensemble = (
        np.random.default_rng(seed).standard_normal((len(train), len(CLASSES))).astype(np.float32) for seed in (2, 3)
    )
    return [
        Candidate(
            proxy="distillation",
            proposal=Proposal(point, SPACE.architecture(point, len(CLASSES))),
            data=DistillationData(train, targets, augment=None, alpha=0.5, temperature=2.0),
            validation=validation,
            train_settings=TrainSettings(1, 16),
            qat=None,
            qat_steps=0,
            seed=3,
            device="cpu",
            supernet=Supernet(weights, SPACE, 1.0),
            ensemble=ensemble,
        )
        for point in points
    ]


def int8_student(clips: Features) -> Student:
    """A quantized and calibrated student for three classes, barely trained."""
    from hwasc.training.distillation import train_student
    from hwasc.training.quantization import calibrate, quantize

    torch.manual_seed(0)
    net = build(SPACE.architecture({name: values[-1] for name, values in SPACE.choices().items()}, len(CLASSES)))
    data = DistillationData(clips, targets=None, augment=None, alpha=0, temperature=1)
    train_student(net, data, TrainSettings(3, 16), device=torch.device("cpu"), seed=0)
    return calibrate(quantize(net), [clips.batch(np.arange(len(clips)))])


def write_weights(model: Student, path: Path) -> Path:
    """Write a student as a distillation's `int8.safetensors`.

    Args:
        model: Quantized and calibrated.
        path: The file.

    Returns:
        The path.
    """
    about = {"architecture": schema.canonical(model.architecture), "classes": json.dumps(CLASSES), "numbers": "int8"}
    save_weights(path, model, about)
    return path
