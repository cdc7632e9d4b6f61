"""The start of a float student: the weights of the search, random ones, or a training from each and the better one goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.nn import functional as F

from hwasc.models import student
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.architecture import ArchitectureFile, InitialWeights
from hwasc.records.training_clips import TrainingClips
from hwasc.students.initial_weights import read_initial_weights
from hwasc.students.stages import load_into, student_seed, train_float
from hwasc.training.distillation import DistillationData
from hwasc.training.loop import predict
from hwasc.training.metrics import macro_accuracy
from hwasc.workspace import Workspace

FOLDER = "starts"  # in the run folder
RANDOM = "random weights"


@dataclass(frozen=True, kw_only=True)
class StartScore:
    """A float student on validation clips, by the weights that its training started from.

    Attributes:
        source: `slice` of a supernet, `refinement`, or `random weights`.
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


def train_from(
    ws: Workspace,
    data: DistillationData,
    record: ArchitectureFile,
    start: InitialWeights | None,
    *,
    run: Path,
    clips: TrainingClips,
) -> tuple[Student, list[float]]:
    """Build a student, give it its initial weights, and train it in float.

    Args:
        ws: Settings, device and progress.
        data: What it is trained on.
        record: The architecture; its weights lie beside it.
        start: These weights, or None for random ones.
        run: The folder that gets weights and losses.
        clips: The recordings that it is trained on and chosen by.

    Returns:
        The student in eval mode, and its loss by epoch.
    """
    torch.manual_seed(student_seed(ws))
    model = student.build(record.architecture)
    if start and record.weights_path:
        load_into(model, read_initial_weights(record), record.weights_path, "float")
    return train_float(ws, data, model, run, clips=clips, trained=start is not None)


def train_from_both(
    ws: Workspace,
    data: DistillationData,
    record: ArchitectureFile,
    start: InitialWeights,
    *,
    run: Path,
    clips: TrainingClips,
) -> tuple[Student, list[float], list[StartScore]]:
    """Train a float student from the search's weights and one from random weights, and choose by validation clips.

    The higher macro accuracy decides; where they are equal, the lower log loss.

    Args:
        ws: Settings, device and progress.
        data: What they are trained on.
        record: The architecture; its weights lie beside it.
        start: These weights.
        run: The run folder. Both students stay in folders in it; the chosen one is copied to its usual place.
        clips: The recordings that they are trained on and chosen by.

    Returns:
        The chosen student in eval mode, its loss by epoch, and the scores of both, that of the search's weights first.
    """
    validation = ws.features(ws.dataset.validation, record.architecture.front_end, "validation")
    labels = torch.from_numpy(validation.labels)
    folders, trained, scores = (run / FOLDER / "winner", run / FOLDER / "random"), [], []
    for folder, weights in zip(folders, (start, None), strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        trained.append(train_from(ws, data, record, weights, run=folder, clips=clips))
        y = torch.from_numpy(predict(trained[-1][0], validation, ws.device))
        accuracy = macro_accuracy(y.argmax(1), labels, len(ws.dataset.classes))
        source = weights.by if weights else RANDOM
        scores.append(StartScore(source=source, accuracy=accuracy, log_loss=float(F.cross_entropy(y, labels))))
    best = max((0, 1), key=lambda i: (scores[i].accuracy, -scores[i].log_loss))
    scores[best] = replace(scores[best], chosen=True)
    for name in ("float.safetensors", "float_losses.json"):
        schema.write_whole(run / name, (folders[best] / name).read_bytes())
    ws.reporter.say(f"validation clips: {scores[0]}, {scores[1]}; the student from {scores[best].source} goes on")
    return (*trained[best], scores)
