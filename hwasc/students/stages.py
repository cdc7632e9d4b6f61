"""The two stages of a student's training, float and int8. Both resume, and write weights and losses to the run folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from hwasc.errors import HwascError
from hwasc.models import student
from hwasc.models.branches import add_branches, fold_branches
from hwasc.models.student import Student
from hwasc.nas.job import calibration_batches
from hwasc.parallel import torchrun_workers
from hwasc.parallel.device import pick_device
from hwasc.records import schema, training_clips
from hwasc.records.architecture import Architecture
from hwasc.records.damaged import usable
from hwasc.records.train_settings import TrainSettings
from hwasc.records.training_clips import TrainingClips
from hwasc.students import course as courses
from hwasc.students.course import Course
from hwasc.training.batches import count_batches
from hwasc.training.distillation import DistillationData, train_student
from hwasc.training.loop import predict
from hwasc.training.metrics import macro_accuracy
from hwasc.training.pace import QAT, step_seconds
from hwasc.training.weights import load_weights, read_entries, save_weights
from hwasc.workspace import Workspace

Numbers = Literal["float", "int8"]
LOSSES, VALIDATION = "losses", "validation"  # keys of the weights' metadata
QAT_SEED = 500_000  # added to the student's seed, so that the int8 stage draws other batches


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One stage for any process: the model is built from `architecture` and `state`."""

    architecture: Architecture
    numbers: Numbers
    state: dict[str, torch.Tensor]
    data: DistillationData
    train: TrainSettings
    frozen_epochs: int
    seed: int
    checkpoint: Path
    branches: int
    trained: bool


def train_float(
    ws: Workspace, data: DistillationData, model: Student, run: Path, *, clips: TrainingClips, trained: bool = False
) -> tuple[Student, Course]:
    """Distil a float student.

    Args:
        ws: Settings, device and progress.
        data: What it is trained on.
        model: The student with its initial weights; trained in place.
        run: The run folder.
        clips: The recordings that it is trained on and chosen by.
        trained: Whether the initial weights are trained ones, which `distill.branches` must not disturb.

    Returns:
        The student in eval mode, and the course of its training.
    """
    train = ws.settings.distill.train
    return _train(ws, data, model, train=train, numbers="float", run=run, clips=clips, trained=trained)


def train_int8(
    ws: Workspace, data: DistillationData, model: Student, run: Path, *, clips: TrainingClips
) -> tuple[Student, Course]:
    """Quantize a float student, calibrate it, and distil it with int8 numbers.

    Args:
        ws: Settings, device and progress.
        data: What it is trained on.
        model: The trained float student.
        run: The run folder.
        clips: The recordings that it is trained on and chosen by.

    Returns:
        The int8 student in eval mode, and the course of its training.
    """
    from hwasc.training.quantization import calibrate, quantize

    quantized = quantize(model)
    if not usable(run / "int8.safetensors", load_weights, ws.reporter.say):
        calibrate(quantized, calibration_batches(data.train, student_seed(ws)))
    return _train(
        ws, data.without_embeddings(), quantized, train=ws.settings.distill.qat, numbers="int8", run=run, clips=clips
    )


def calibrate_only(
    ws: Workspace, data: DistillationData, model: Student, run: Path, *, clips: TrainingClips
) -> tuple[Student, Student]:
    """Quantize a trained float student and calibrate it on training clips, without any training.

    Args:
        ws: Settings.
        data: Its training clips.
        model: The float student.
        run: The run folder, which gets the weights of both.
        clips: The recordings that it is calibrated on.

    Returns:
        The float and the int8 student in eval mode.
    """
    from hwasc.training.quantization import calibrate, quantize

    students: list[Student] = []
    numbers: Numbers
    for numbers in ("float", "int8"):
        path = run / f"{numbers}.safetensors"
        if not usable(path, load_weights, ws.reporter.say):
            made = model.eval() if numbers == "float" else quantize(students[0])
            if numbers == "int8":
                calibrate(made, calibration_batches(data.train, student_seed(ws)))
            _save(ws, made, path, numbers=numbers, course=Course(), clips=clips)
        students.append(_loaded(model.architecture, path, numbers)[0])
    return students[0], students[1]


def student_seed(ws: Workspace) -> int:
    """The seed of the student's weights, batches and augmentation."""
    s = ws.settings
    return s.seed if s.distill.seed is None else s.distill.seed


def load_into(model: Student, state: dict[str, torch.Tensor], path: Path, numbers: Numbers) -> None:
    """Put weights into a student.

    Args:
        model: A float or quantized student.
        state: Tensors by name.
        path: Where they come from, for messages.
        numbers: What the student computes in.

    Raises:
        HwascError: The weights do not fit the architecture.
    """
    try:
        if numbers == "int8":
            from hwasc.training.quantization import load_state

            load_state(model, state)
        else:
            model.load_state_dict(state)
    except (KeyError, RuntimeError) as e:
        reason = str(e).splitlines()[0]
        raise HwascError(
            f"{path}: does not fit the architecture ({reason}); delete it to train this stage again"
        ) from None


def _train(
    ws: Workspace,
    data: DistillationData,
    model: Student,
    *,
    train: TrainSettings,
    numbers: Numbers,
    run: Path,
    clips: TrainingClips,
    trained: bool = False,
) -> tuple[Student, Course]:
    """Train a stage unless it has ended before, and load its weights and course.

    Measuring validation clips draws no random number and changes no weight: the result is the same without. It is left out
    where only some clips are trained on, for a device, whose students are compared on the device's own clips.

    Weights are loaded after training, too: a trained net has another memory format than a loaded one, and so other rounding.
    """
    weights, checkpoint = run / f"{numbers}.safetensors", run / f"{numbers}.ckpt"
    if usable(weights, load_weights, ws.reporter.say):
        return _loaded(model.architecture, weights, numbers)
    course = courses.read(run, numbers) if checkpoint.is_file() else Course()
    measured = courses.measured_at(train.epochs) if data.rows is None else ()
    title = f"distilling, {numbers}" if data.taught else f"training on labels, {numbers}"
    if not ws.reporter.quiet:
        seconds = _seconds(data, model.architecture, train, ws.device, epochs_done=len(course.losses))
        ws.reporter.expect(seconds * (QAT if numbers == "int8" else 1))
    with ws.reporter.track(title, train.epochs) as update:

        def on_epoch(epoch: int, loss: float) -> None:
            course.restart(epoch)
            course.losses.append(loss)
            if epoch in measured:
                course.validation.append((epoch, _validation_accuracy(ws, model)))
            courses.write(course, run, numbers)
            if data.rows is None:  # not a device's student
                accuracy = course.validation[-1][1] if epoch in measured else None
                ws.tracker.log(epoch, {f"{numbers}/loss": loss, f"{numbers}/validation_accuracy": accuracy})
            update(
                epoch,
                f"loss {loss:.3f}" + (f", validation {course.validation[-1][1]:.1%}" if course.validation else ""),
            )

        job = _Job(
            architecture=model.architecture,
            numbers=numbers,
            state={name: value.cpu() for name, value in model.state_dict().items()},
            data=data,
            train=train,
            frozen_epochs=ws.settings.distill.qat_frozen_epochs if numbers == "int8" else 0,
            seed=student_seed(ws) + (QAT_SEED if numbers == "int8" else 0),
            checkpoint=checkpoint,
            branches=ws.settings.distill.branches if numbers == "float" else 1,
            trained=trained,
        )
        with torchrun_workers.run_on_all_ranks(_train_on_worker, job, str(ws.device)):
            _fit(model, job, ws.device, on_epoch)
    _save(ws, model, weights, numbers=numbers, course=course, clips=clips)
    checkpoint.unlink(missing_ok=True)
    return _loaded(model.architecture, weights, numbers)


def _validation_accuracy(ws: Workspace, model: Student) -> float:
    validation = ws.features(ws.dataset.validation, model.architecture.front_end, "validation")
    classes = predict(model, validation, ws.device).argmax(1)
    return macro_accuracy(torch.from_numpy(classes), torch.from_numpy(validation.labels), len(ws.dataset.classes))


def _seconds(
    data: DistillationData, a: Architecture, train: TrainSettings, device: torch.device, *, epochs_done: int
) -> float:
    """How long a float training takes, by the time of a step on this machine."""
    with torch.random.fork_rng(devices=[]):
        net = student.build(a)
    each = step_seconds(net, (train.batch, 1, a.front_end.mels, a.front_end.frames), device)
    return each * count_batches(data.clips, train.batch) * max(train.epochs - epochs_done, 0)


def _save(ws: Workspace, model: Student, path: Path, *, numbers: Numbers, course: Course, clips: TrainingClips) -> None:
    classes = json.dumps(list(ws.dataset.classes))
    about = {"architecture": schema.canonical(model.architecture), "classes": classes, "numbers": numbers}
    save_weights(
        path,
        model,
        {
            **about,
            LOSSES: json.dumps(course.losses),
            VALIDATION: json.dumps(course.validation),
            **training_clips.metadata(clips),
        },
    )


def _loaded(a: Architecture, weights: Path, numbers: Numbers) -> tuple[Student, Course]:
    model = student.build(a)
    if numbers == "int8":
        from hwasc.training.quantization import quantize

        model = quantize(model)
    load_into(model, load_weights(weights), weights, numbers)
    entries = read_entries(weights)
    if LOSSES not in entries:  # of another version
        return model.eval(), courses.read(weights.parent, numbers)
    values = {key: schema.parse_json(entries.get(key, "[]"), str(weights)) for key in (LOSSES, VALIDATION)}
    return model.eval(), schema.parse(Course, values, str(weights))


def _train_on_worker(job: _Job, device: str) -> None:
    """Another process's part in the training of a stage."""
    model = student.build(job.architecture)
    if job.numbers == "int8":
        from hwasc.training.quantization import quantize

        model = quantize(model)
    load_into(model, job.state, job.checkpoint, job.numbers)
    _fit(model, job, pick_device(device))


def _fit(model: Student, job: _Job, device: torch.device, on_epoch: Callable[[int, float], None] | None = None) -> None:
    def before_epoch(epoch: int) -> None:
        if epoch > job.train.epochs - job.frozen_epochs:
            from hwasc.training.quantization import hold_scales

            hold_scales(model)

    if job.branches > 1:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(job.seed)
            add_branches(model, job.branches, trained=job.trained)
    train_student(
        model,
        job.data,
        job.train,
        device=device,
        seed=job.seed,
        checkpoint=job.checkpoint,
        before_epoch=before_epoch,
        on_epoch=on_epoch,
    )
    fold_branches(model)
