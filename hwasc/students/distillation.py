"""Distillation: an architecture becomes a trained int8 student, which is exported and then measured on the test split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwasc import tracking
from hwasc.cost import measure
from hwasc.cost.fit import fit
from hwasc.cost.limits import ResolvedBudget, resolve
from hwasc.data.features import Features
from hwasc.ensemble.cross_fitting import check_teachers
from hwasc.ensemble.files import check_files
from hwasc.ensemble.fusion import FittedEnsemble, distillation_data, fuse, target_file
from hwasc.ensemble.measured import measured
from hwasc.ensemble.online_teachers import CachedOnlineEnsemble, check_online_teachers, online_ensemble
from hwasc.ensemble.summary import summarize
from hwasc.ensemble.waveform_views import check_waveform_teachers, with_waveform_views
from hwasc.errors import HwascError, UsageError
from hwasc.models.student import Student
from hwasc.records import architecture as architectures
from hwasc.records import training_clips
from hwasc.records.architecture import ArchitectureFile
from hwasc.records.bounded import sha256
from hwasc.records.earlier_run import write_inputs
from hwasc.records.measured_clips import MeasuredClips
from hwasc.records.plain_values import listed
from hwasc.records.run import check_resumes, environment_of, free_folder, open_run
from hwasc.records.run_lock import locked_run
from hwasc.records.searched_for import budget_of
from hwasc.records.training_clips import TrainingClips
from hwasc.students import clip_predictions, work
from hwasc.students.clip_predictions import ClipPredictions
from hwasc.students.course import Course
from hwasc.students.feature_targets import feature_teacher, with_embeddings
from hwasc.students.given_weights import check_given, read_given_weights
from hwasc.students.known import check_data_named, used_before
from hwasc.students.loss_choice import LossChoice, choose_loss
from hwasc.students.per_device import FineTuned, device_workspace, fine_tune, measure_devices
from hwasc.students.result import (
    RESULT,
    DistillResult,
    OnnxFile,
    TestMetrics,
    TfliteFile,
    ValidationAccuracy,
    WeightsSource,
)
from hwasc.students.stages import calibrate_only, student_seed, train_int8
from hwasc.students.starts import RANDOM, Start, StartScore, initial_student, start_of, train_from, train_from_both
from hwasc.training.distillation import DistillationData
from hwasc.training.loop import predict
from hwasc.training.metrics import Metrics, measure_logits
from hwasc.workspace import Workspace

FOLDER = Path("runs/distill")
AGREEMENT = 0.99  # share of test clips for which ONNX Runtime and the quantized student must predict the same scene


def check_classes(record: ArchitectureFile, ws: Workspace) -> None:
    """Check that an architecture fits the data.

    Args:
        record: The architecture.
        ws: Data and settings.

    Raises:
        UsageError: The architecture is for other classes or for another length of clips.
    """
    a, classes = record.architecture, ws.dataset.classes
    named = record.provenance.get("classes")
    if a.classes != len(classes) or (named and list(named) != list(classes)):
        names = f" ({listed(named)})" if named else ""
        raise UsageError(
            f"{record}: is for {a.classes} classes{names}, but the data has {len(classes)} ({', '.join(classes)}); search on "
            "this data, or name the data that it was made for with --data"
        )
    if a.front_end.seconds != ws.settings.data.seconds:
        raise UsageError(
            f"{record}: takes clips of {a.front_end.seconds:g} s, but data.seconds is {ws.settings.data.seconds:g}"
        )


def distill(
    ws: Workspace,
    record: ArchitectureFile,
    *,
    run: Path | None,
    weights: Path | None = None,
    training: bool = True,
    unseen: bool = False,
    per_device: bool = False,
    track: str | None = None,
) -> tuple[DistillResult, ClipPredictions]:
    """Distil a float student, quantize it, distil the int8 student, export it, and measure all on the test split.

    Args:
        ws: Data, settings, cache, device. `distill.alpha` 0 trains on labels alone, without teachers.
        record: The architecture. Training starts from the weights that its file names, if `initial_weights` accepts them.
        run: The run folder; a run of the same configuration resumes there. None: `runs/distill`, or a numbered one where that
            holds another run.
        weights: Float weights to start from, see `read_given_weights`; None: those of the search or random ones.
        training: Whether the student is trained. If not, the given weights are only quantized and calibrated.
        unseen: The caller vouches that nothing else was trained on test clips, where the record of that is missing.
        per_device: Whether a copy of the student is fine-tuned for each device, see `students.per_device`.
        track: Name of a tracker that gets losses and accuracies; None: none does.

    Returns:
        The student's metrics, costs and files, also written as `result.json` in the run folder; and what the int8 student says of
        each test clip, also written as `predictions.csv`.

    Raises:
        UsageError: The architecture is for other data, the run folder holds another configuration, all test clips were used by
            the search or by a teacher, or the given weights say nothing of the clips that they were trained on.
        HwascError: Another command works in the run folder.
    """
    tracking.check(track)
    s = ws.settings
    check_data_named(record.clips, ws, str(record))
    if run is not None:
        check_resumes(run, {"verb": "distill", "architecture": record.architecture, "settings": s})
    searched_for = budget_of(record.provenance, str(record))
    budget = resolve(searched_for) if searched_for else None
    given = read_given_weights(weights, record.architecture, ws.cache) if weights else None
    check_given(given, unseen=unseen)
    if s.distill.alpha > 0 and training:
        check_files(s.teachers.members, ws.cache)
    _check_teachers(ws)
    check_classes(record, ws)
    used = [*used_before(ws, record, unseen=unseen), *([given.clips] if given and given.clips else [])]
    test_ws, measured_clips = measured(ws, [*used, ws.training_clips], "test", what=f"the training of {record}")
    start = start_of(ws, record, given)
    config = {
        "verb": "distill",
        "data": ws.data,
        "dataset": ws.fingerprint,
        "test": {"dataset": measured_clips.dataset, "left_out": measured_clips.left_out},
        "architecture": record.architecture,
        **({"weights": start.sha256} if start else {}),
        **({} if training else {"training": False}),
        "settings": ws.settings,
    }
    run = run or free_folder(FOLDER, config)
    with locked_run(run):
        open_run(run, config)
        write_inputs(run, ws.inputs)
        both = start is not None and s.distill.initial_weights == "both"
        stages = work.distill_stages(ws, record.architecture, training=training, both=both, per_device=per_device)
        with tracking.begin(track, run, say=ws.reporter.say) as tracker, ws.reporter.plan(stages):
            return _distill(
                replace(ws, tracker=tracker),
                record,
                run=run,
                start=start,
                training=training,
                per_device=per_device,
                used=used,
                test_ws=test_ws,
                measured_clips=measured_clips,
                budget=budget,
            )


def _distill(
    ws: Workspace,
    record: ArchitectureFile,
    *,
    run: Path,
    start: Start | None,
    training: bool,
    per_device: bool,
    used: list[TrainingClips],
    test_ws: Workspace,
    measured_clips: MeasuredClips,
    budget: ResolvedBudget | None,
) -> tuple[DistillResult, ClipPredictions]:
    """Train and measure a student, in a run folder that no other process works in."""
    a, s = record.architecture, ws.settings
    clips = ws.remember(ws.training_clips.joined(used))
    training_clips.save(clips, run / training_clips.FILE)
    architectures.save(run / "architecture.json", a, record.provenance, clips=clips.reference)
    fused = fuse(ws) if s.distill.alpha > 0 and training else None
    if fused:
        check_teachers(fused.teachers.members, test_ws, "test")
    data = (
        with_embeddings(_training_data(ws, record, fused), ws) if training else distillation_data(ws, a.front_end, None)
    )
    with ws.reporter.stage(work.LOSS):
        data, choice = choose_loss(ws, data, a, start, run=run, clips=clips)
    starts: list[StartScore] = []
    of_float, of_int8 = Course(), Course()
    if not training:
        model, quantized = calibrate_only(ws, data, initial_student(ws, a, start), run, clips=clips)
    elif start and s.distill.initial_weights == "both":
        with ws.reporter.stage(work.FLOAT):
            model, of_float, starts = train_from_both(ws, data, a, start, run=run, clips=clips)
        start = start if starts[0].chosen else None
    else:
        with ws.reporter.stage(work.FLOAT):
            model, of_float = train_from(ws, data, a, start, run=run, clips=clips)
    if training:
        with ws.reporter.stage(work.INT8):
            quantized, of_int8 = train_int8(ws, data, model, run, clips=clips)
    tuned = None
    if per_device:
        own_ws = device_workspace(ws)
        own_data = _training_data(own_ws, record, fused and replace(fused, workspace=own_ws))
        own_data = replace(own_data, alpha=data.alpha, temperature=data.temperature)
        with ws.reporter.stage(work.DEVICES):
            tuned = fine_tune(own_ws, own_data, (model, quantized), run=run, clips=clips)
    with ws.reporter.stage(work.TEST):
        result, predictions = _measure(
            test_ws,
            model,
            quantized,
            tuned=tuned,
            choice=choice,
            courses={"float": of_float, "qat": of_int8},
            fused=fused,
            start=start,
            starts=starts,
            clips=clips,
            measured_clips=measured_clips,
            budget=budget,
            run=run,
        )
    predictions.write_csv(run / clip_predictions.FILE)
    result.write(run / RESULT)
    for numbers, scores in (("float", result.test.float), ("int8", result.test.int8)):
        figures = {"accuracy": scores.accuracy, "log_loss": scores.log_loss, "ece": scores.ece}
        ws.tracker.log(0, {f"test/{numbers}_{name}": value for name, value in figures.items()})
    return result, predictions


def check_onnx(result: DistillResult) -> None:
    """HwascError where the exported ONNX model and the quantized student predict different scenes too often."""
    onnx = result.onnx
    if onnx.agreement < AGREEMENT:
        raise HwascError(
            f"{result.run / onnx.file}: ONNX Runtime predicts the same scene as the quantized student for only "
            f"{onnx.agreement:.1%} of {onnx.clips:,} test clips (at least {AGREEMENT:.0%} expected); do not ship the file"
        )


def _check_teachers(ws: Workspace) -> None:
    feature_teacher(ws.settings)
    members, view = ws.settings.teachers.members, ws.settings.distill.teacher_view
    check_online_teachers(members if view == "augmented" else ())
    check_waveform_teachers(members if view == "waveform" and ws.settings.distill.alpha > 0 else ())


def _training_data(ws: Workspace, record: ArchitectureFile, fused: FittedEnsemble | None) -> DistillationData:
    front_end, d = record.architecture.front_end, ws.settings.distill
    cached = target_file(fused) if fused and d.teacher_view == "cached" else None
    data = distillation_data(ws, front_end, cached)
    if d.teacher_view == "waveform":
        return with_waveform_views(data, ws, front_end, fused)
    if not fused or cached:
        return data
    teachers = online_ensemble(fused, data.train, front_end)
    return replace(data, targets=CachedOnlineEnsemble(teachers) if d.teacher_views else teachers, views=d.teacher_views)


def _measure(
    ws: Workspace,
    model: Student,
    quantized: Student,
    *,
    tuned: tuple[list[FineTuned], dict[str, int]] | None,
    choice: LossChoice | None,
    courses: dict[str, Course],
    fused: FittedEnsemble | None,
    start: Start | None,
    starts: list[StartScore],
    clips: TrainingClips,
    measured_clips: MeasuredClips,
    budget: ResolvedBudget | None,
    run: Path,
) -> tuple[DistillResult, ClipPredictions]:
    from hwasc.deploy import onnx_qcdq, tflite

    costs = budget.measure(model.architecture) if budget else measure(model.architecture)
    a, cpu, classes = model.architecture, torch.device("cpu"), ws.dataset.classes
    onnx_path = onnx_qcdq.export(quantized, run / "student.onnx", classes, clips=clips)
    chip_path = tflite.export(quantized, run / "student.tflite", classes, "offline", clips=clips)
    validation = ws.features(ws.dataset.validation, a.front_end, "validation")
    test = ws.features(ws.dataset.test, a.front_end, "test")  # nothing read the test split before
    train_devices = sorted({c.device for c in ws.dataset.train})

    def metrics(net: nn.Module, features: Features) -> tuple[Metrics, np.ndarray]:
        logits = predict(net, features, cpu)
        return measure_logits(logits, features, train_devices), logits

    float_test, _ = metrics(model.to(cpu), test)
    int8_test, int8_logits = metrics(quantized.to(cpu), test)
    onnx_logits = onnx_qcdq.predict(onnx_qcdq.Runtime(onnx_path), test)
    devices = None
    if tuned is not None:
        devices = measure_devices(ws, tuned[0], test, general=int8_logits, run=run, clips=clips, too_few=tuned[1])
    ensemble = summarize(fused, ws.features(ws.dataset.test, fused.front_end, "test"), "test") if fused else None
    result = DistillResult(
        run=run,
        id=a.id,
        architecture=a.text(),
        costs=costs,
        fit=fit(a, budget, costs),
        classes=tuple(classes),
        data=ws.data,
        dataset=ws.fingerprint,
        measured=measured_clips,
        alpha=choice.alpha if choice else ws.settings.distill.alpha,
        loss_choice=choice,
        seed=ws.settings.seed,
        student_seed=student_seed(ws),
        initial_weights=WeightsSource(source=start.source, sha256=start.sha256)
        if start
        else WeightsSource(source=RANDOM),
        starts=starts,
        validation=ValidationAccuracy(
            float=metrics(model, validation)[0].accuracy, int8=metrics(quantized, validation)[0].accuracy
        ),
        test=TestMetrics(float=float_test, int8=int8_test),
        fusion=ensemble.fusion if ensemble else [],
        view=ensemble.view if ensemble else None,
        teachers=ensemble.teachers if ensemble else [],
        leave_one_out=ensemble.leave_one_out if ensemble else [],
        mixing=ensemble.mixing if ensemble else {},
        losses={stage: course.losses for stage, course in courses.items()},
        validation_course={stage: course.validation for stage, course in courses.items() if course.validation},
        onnx=OnnxFile(
            agreement=float((onnx_logits.argmax(1) == int8_logits.argmax(1)).mean()),
            clips=len(test),
            accuracy=measure_logits(onnx_logits, test, train_devices).accuracy,
            file=onnx_path.name,
            sha256=sha256(onnx_path).hexdigest(),
        ),
        tflite=TfliteFile(file=chip_path.name, bytes=chip_path.stat().st_size, sha256=sha256(chip_path).hexdigest()),
        devices=devices,
        environment=environment_of(run),
    )
    return result, ClipPredictions(root=ws.dataset.root, features=test, logits=int8_logits)
