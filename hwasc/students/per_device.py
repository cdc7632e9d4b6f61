"""A student for each known recording device: the general one, fine-tuned on the device's clips, where validation bears it out.

As the baseline of DCASE 2025 Task 1 does: all weights are trained further, and unknown devices keep the general student.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import torch
from torch.nn import functional as F

from hwasc.data.features import Features
from hwasc.models.student import Student
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.training_clips import TrainingClips
from hwasc.students.device_results import DeviceScores, DeviceStudent, DeviceStudents
from hwasc.students.stages import train_float, train_int8
from hwasc.training.distillation import DistillationData
from hwasc.training.loop import predict
from hwasc.training.metrics import macro_accuracy, measure_logits
from hwasc.workspace import Workspace

FOLDER = "devices"  # in the run folder
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class FineTuned:
    """A trained student of one device, before the test split is read.

    Attributes:
        device: The recording device.
        clips: Training clips of the device.
        student: The int8 student.
        validation: Scores on validation clips.
        chosen: Whether it replaces the general student.
        weights: File of its int8 weights.
    """

    device: str
    clips: int
    student: Student
    validation: DeviceScores
    chosen: bool
    weights: Path


def device_workspace(ws: Workspace) -> Workspace:
    """The workspace with the settings of fine-tuning: clips of a device must not sound like those of others.

    Args:
        ws: The run's.

    Returns:
        The same data; shorter training, without impulse responses, equalisers and band limits, and without mixtures where these
        are of clips of all devices.
    """
    s, d = ws.settings, ws.settings.distill
    augment: AugmentSettings = replace(d.augment or s.augment, response_p=0.0, equaliser_p=0.0, band_limit_p=0.0)
    if d.teacher_view == "waveform":
        augment = replace(augment, mixup_p=0.0)
    return replace(ws, settings=replace(s, distill=replace(d, train=d.device_train, augment=augment, branches=1)))


def fine_tune(
    ws: Workspace,
    data: DistillationData,
    general: tuple[Student, Student],
    *,
    run: Path,
    clips: TrainingClips,
) -> tuple[list[FineTuned], dict[str, int]]:
    """Fine-tune a copy of the general student for each device with enough clips, in float and then in int8.

    A device's student is chosen if its macro accuracy on the device's validation clips is higher than the general student's, or
    the same at a log loss that is no higher.

    Args:
        ws: From `device_workspace`.
        data: All training clips, with the augmentation of that workspace.
        general: The trained general student, float and int8.
        run: The run folder.
        clips: The recordings that students are trained on and chosen by.

    Returns:
        The students by device, and the devices with too few clips by the number of their training clips.
    """
    float_student, int8_student = general
    validation = ws.features(ws.dataset.validation, float_student.architecture.front_end, "validation")
    of_general = predict(int8_student, validation, CPU)
    tuned, too_few = [], {}
    for device in sorted(set(data.train.devices.tolist())):
        rows, held_out = (np.flatnonzero(f.devices == device) for f in (data.train, validation))
        if len(rows) < ws.settings.distill.device_clips or len(held_out) == 0:
            too_few[device] = len(rows)
            continue
        ws.reporter.say(f"fine-tuning a student for device {device} on {len(rows):,} clips")
        folder = run / FOLDER / folder_name(device)
        own = replace(data.without_embeddings(), rows=rows)
        copied = copy.deepcopy(float_student)
        trained, _ = train_float(ws, own, copied, folder, clips=clips)
        student, _ = train_int8(ws, own, trained, folder, clips=clips)
        own_logits = predict(student, validation, CPU)
        before, after = (_score(y, validation, held_out) for y in (of_general, own_logits))
        tuned.append(
            FineTuned(
                device=device,
                clips=len(rows),
                student=student,
                validation=DeviceScores(clips=len(held_out), general=before[0], own=after[0]),
                chosen=after >= before,
                weights=folder / "int8.safetensors",
            )
        )
    return tuned, too_few


def folder_name(device: str) -> str:
    """A name for a folder or a file: a device's may hold a slash, or be two dots."""
    return quote(device, safe="").replace(".", "%2E")


def _score(logits: np.ndarray, features: Features, rows: np.ndarray) -> tuple[float, float]:
    """Macro accuracy on some of the clips, and the negative log loss."""
    y, labels = torch.from_numpy(logits[rows]), torch.from_numpy(features.labels[rows])
    return macro_accuracy(y.argmax(1), labels, len(features.classes)), -float(F.cross_entropy(y, labels))


def measure_devices(
    ws: Workspace,
    tuned: Sequence[FineTuned],
    test: Features,
    *,
    general: np.ndarray,
    run: Path,
    clips: TrainingClips,
    too_few: dict[str, int],
) -> DeviceStudents:
    """Write the files of the chosen students for the chip, and measure all students on the test split.

    Args:
        ws: The data.
        tuned: From `fine_tune`.
        test: The test clips.
        general: The general int8 student's logits of them, (n, classes).
        run: The run folder.
        clips: The recordings that students are trained on and chosen by.
        too_few: From `fine_tune`.

    Returns:
        The record.
    """
    from hwasc.deploy import tflite

    together, students = general.copy(), []
    for t in tuned:
        rows, file, scores = np.flatnonzero(test.devices == t.device), None, None
        if len(rows):
            own = predict(t.student, test, CPU)
            before, after = (_score(y, test, rows)[0] for y in (general, own))
            scores = DeviceScores(clips=len(rows), general=before, own=after)
        if t.chosen:
            path = run / f"student_{folder_name(t.device)}.tflite"
            file = tflite.export(t.student, path, ws.dataset.classes, "offline", clips=clips).name
            if len(rows):
                together[rows] = own[rows]
        students.append(
            DeviceStudent(
                device=t.device,
                clips=t.clips,
                validation=t.validation,
                chosen=t.chosen,
                test=scores,
                weights=t.weights.relative_to(run).as_posix(),
                tflite=file,
            )
        )
    seen = {c.device for c in ws.dataset.train}
    return DeviceStudents(students=tuple(students), too_few=too_few, test=measure_logits(together, test, seen))
