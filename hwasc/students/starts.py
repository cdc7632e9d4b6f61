"""The start of a float student: the weights of the search, random ones, or a training from each and the better one goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from hwasc.models import student
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.architecture import Architecture, ArchitectureFile
from hwasc.records.training_clips import TrainingClips
from hwasc.students.course import Course, files
from hwasc.students.given_weights import GivenWeights
from hwasc.students.initial_weights import initial_weights, read_initial_weights
from hwasc.students.stages import load_into, student_seed, train_float
from hwasc.tracking import Prefixed
from hwasc.training.distillation import DistillationData
from hwasc.training.loop import predict
from hwasc.training.metrics import macro_accuracy
from hwasc.workspace import Workspace

FOLDER = "starts"  # in the run folder
RANDOM = "random weights"


@dataclass(frozen=True, kw_only=True)
class Start:
    """Trained weights that the training of a float student starts from.

    Attributes:
        source: `slice` of a supernet, `refinement`, or the name of a file that was given.
        sha256: Of their file.
        state: Tensors by the student's names.
        path: Their file.
    """

    source: str
    sha256: str
    state: Mapping[str, Tensor]
    path: Path


def start_of(ws: Workspace, record: ArchitectureFile, given: GivenWeights | None) -> Start | None:
    """Choose the weights that a student starts from.

    Args:
        ws: The data and settings of the distillation.
        record: The architecture file; the search's weights lie beside it.
        given: Weights that the user named, which come first; None: there are none.

    Returns:
        The weights; None for random ones.
    """
    if given:
        source = f"{given.file.name} ({given.how})"
        return Start(source=source, sha256=given.sha256, state=given.state, path=given.file)
    weights = initial_weights(ws, record)
    if weights is None or record.weights_path is None:
        return None
    state = read_initial_weights(record)
    return Start(source=weights.by, sha256=weights.sha256, state=state, path=record.weights_path)


@dataclass(frozen=True, kw_only=True)
class StartScore:
    """A float student on validation clips, by the weights that its training started from.

    Attributes:
        source: As in `Start`, or `random weights`.
        accuracy: Macro, 0..1.
        log_loss: Mean cross-entropy, nats.
        chosen: Whether this student went on.
    """

    source: str
    accuracy: float
    log_loss: float
    chosen: bool = False

    def __str__(self) -> str:
        return f"{self.source} {self.accuracy:.1%} (log loss {self.log_loss:.3f})"


def initial_student(ws: Workspace, architecture: Architecture, start: Start | None) -> Student:
    """Build a float student with its initial weights.

    Args:
        ws: The seed.
        architecture: The net.
        start: Trained weights, or None for random ones.

    Returns:
        The student.
    """
    torch.manual_seed(student_seed(ws))
    model = student.build(architecture)
    if start:
        load_into(model, dict(start.state), start.path, "float")
    return model


def train_from(
    ws: Workspace,
    data: DistillationData,
    architecture: Architecture,
    start: Start | None,
    *,
    run: Path,
    clips: TrainingClips,
) -> tuple[Student, Course]:
    """Build a student, give it its initial weights, and train it in float.

    Args:
        ws: Settings, device and progress.
        data: What it is trained on.
        architecture: The net.
        start: Trained weights, or None for random ones.
        run: The folder that gets weights and losses.
        clips: The recordings that it is trained on and chosen by.

    Returns:
        The student in eval mode, and the course of its training.
    """
    model = initial_student(ws, architecture, start)
    return train_float(ws, data, model, run, clips=clips, trained=start is not None)


def train_from_both(
    ws: Workspace,
    data: DistillationData,
    architecture: Architecture,
    start: Start,
    *,
    run: Path,
    clips: TrainingClips,
) -> tuple[Student, Course, list[StartScore]]:
    """Train a float student from trained weights and one from random weights, and choose by validation clips.

    The higher macro accuracy decides; where they are equal, the lower log loss.

    Args:
        ws: Settings, device and progress.
        data: What they are trained on.
        architecture: The net.
        start: The trained weights.
        run: The run folder. Both students stay in folders in it; the chosen one is copied to its usual place.
        clips: The recordings that they are trained on and chosen by.

    Returns:
        The chosen student in eval mode, the course of its training, and the scores of both, that of the trained weights first.
    """
    validation = ws.features(ws.dataset.validation, architecture.front_end, "validation")
    labels = torch.from_numpy(validation.labels)
    folders, trained, scores = (run / FOLDER / "winner", run / FOLDER / "random"), [], []
    for folder, weights in zip(folders, (start, None), strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        own_ws = replace(ws, tracker=Prefixed(ws.tracker, folder.name))
        trained.append(train_from(own_ws, data, architecture, weights, run=folder, clips=clips))
        y = torch.from_numpy(predict(trained[-1][0], validation, ws.device))
        accuracy = macro_accuracy(y.argmax(1), labels, len(ws.dataset.classes))
        source = weights.source if weights else RANDOM
        scores.append(StartScore(source=source, accuracy=accuracy, log_loss=float(F.cross_entropy(y, labels))))
    best = max((0, 1), key=lambda i: (scores[i].accuracy, -scores[i].log_loss))
    scores[best] = replace(scores[best], chosen=True)
    for name in ("float.safetensors", *(n for n in files("float") if (folders[best] / n).is_file())):
        schema.write_whole(run / name, (folders[best] / name).read_bytes())
    ws.reporter.say(f"validation clips: {scores[0]}, {scores[1]}; the student from {scores[best].source} goes on")
    return (*trained[best], scores)
