"""`hwasc distill`: an architecture becomes a trained int8 student, exported and measured on the test split at the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hwasc.cost import measure
from hwasc.data.features import Features
from hwasc.ensemble.external import check_external
from hwasc.ensemble.fusion import Fused, distillation_data, fuse, target_file
from hwasc.ensemble.online_teachers import CachedOnlineEnsemble, check_online_teachers, online_ensemble
from hwasc.ensemble.summary import summarize
from hwasc.errors import HwascError, UsageError
from hwasc.models import student
from hwasc.models.student import Student
from hwasc.nas.job import calibration_batches
from hwasc.parallel import torchrun_workers
from hwasc.parallel.device import pick_device
from hwasc.records import architecture as architectures
from hwasc.records import schema
from hwasc.records.architecture import Architecture, ArchitectureFile, InitialWeights
from hwasc.records.run import environment, open_run
from hwasc.records.settings import TrainSettings
from hwasc.students.initial_weights import initial_weights, read_initial_weights
from hwasc.training.distillation import DistillationData, train_student
from hwasc.training.loop import predict
from hwasc.training.metrics import Metrics, measure_logits
from hwasc.training.weights import load_weights, save_weights
from hwasc.workspace import Workspace

AGREEMENT = (
    0.99  # least share of test clips on which ONNX Runtime and the fake-quantized student must name the same scene
)


@dataclass(frozen=True)
class DistillResult:
    """What a distillation leaves in its run folder, and what the student reached on the test split."""

    run: Path
    float_metrics: Metrics
    int8_metrics: Metrics
    onnx: Path
    tflite: Path
    onnx_agreement: float
    record: dict[str, Any]


def check_classes(record: ArchitectureFile, ws: Workspace, path: Path | str) -> None:
    """UsageError where an architecture was found for other classes or clips than the data has."""
    a, classes = record.architecture, ws.dataset.classes
    named = record.provenance.get("classes")
    if a.classes != len(classes) or (named and list(named) != list(classes)):
        known = f" ({', '.join(named)})" if named else ""
        raise UsageError(
            f"{path}: is for {a.classes} classes{known}, but the data has {len(classes)} ({', '.join(classes)}); search on "
            "this data, or name the data it was made for with --data"
        )
    if a.front_end.seconds != ws.settings.data.seconds:
        raise UsageError(
            f"{path}: hears clips of {a.front_end.seconds:g} s, but data.seconds is {ws.settings.data.seconds:g}"
        )


def distill(ws: Workspace, record: ArchitectureFile, run: Path, name: str = "the architecture") -> DistillResult:
    """Float distillation, batch norm folded, Brevitas QAT distillation, export, all measured on the test split.

    name: the architecture file, or a preset. The student starts from the weights beside it (`initial_weights`). Resumes in
    a run folder of the same configuration. distill.alpha 0 trains on labels alone, without teachers.
    """
    check_classes(record, ws, name)
    a, s = record.architecture, ws.settings
    asked = s.distill.teacher_view == "augmented"
    check_online_teachers(s.teachers.external if asked else None)
    start = initial_weights(ws, record, name)
    named = {"weights": start.sha256} if start else {}
    open_run(
        run,
        {
            "verb": "distill",
            "data": ws.data,
            "dataset": ws.dataset.fingerprint,
            "architecture": a,
            **named,
            "settings": s,
        },
    )
    architectures.save(run / "architecture.json", a, record.provenance)
    fused = fuse(ws) if s.distill.alpha > 0 else None
    if fused:
        check_external(fused.teachers.external, ws, ws.dataset.test, "test")
    data = distillation_data(ws, a.front_end, target_file(ws, fused) if fused and not asked else None)
    if fused and asked:
        teachers, views = online_ensemble(fused, data.train, a.front_end), s.distill.teacher_views
        data = replace(data, targets=CachedOnlineEnsemble(teachers) if views else teachers, views=views)
    torch.manual_seed(_seed(ws))
    model = student.build(a)
    if start:
        _load(model, read_initial_weights(start, name), Path(name).with_name(start.file), "float")
    model, float_losses = _trained(ws, data, model, s.distill.train, run, "float")
    quantized, qat_losses = _quantized(ws, data, model, run)
    return _measure(ws, a, model, quantized, {"float": float_losses, "qat": qat_losses}, fused, start, run)


def _trained(
    ws: Workspace, data: DistillationData, model: Student, train: TrainSettings, run: Path, stage: str
) -> tuple[Student, list[float]]:
    """Train a stage, or load what a finished one left; losses by epoch come from its journal."""
    weights, losses_path = run / f"{stage}.safetensors", run / f"{stage}_losses.json"
    checkpoint = run / f"{stage}.ckpt"
    if weights.is_file():
        _load(model, load_weights(weights), weights, stage)
        return model, _read_losses(losses_path)
    losses = _read_losses(losses_path) if checkpoint.is_file() and losses_path.is_file() else []
    with ws.reporter.track(
        f"distilling, {stage}" if data.targets is not None else f"training on labels, {stage}", train.epochs
    ) as update:

        def on_epoch(epoch: int, loss: float) -> None:
            del losses[epoch - 1 :]
            losses.append(loss)
            schema.write_json(losses_path, losses)
            update(epoch, f"loss {loss:.3f}")

        seed = _seed(ws) + (0 if stage == "float" else 500_000)
        state = {name: value.cpu() for name, value in model.state_dict().items()}
        frozen = ws.settings.distill.qat_frozen_epochs if stage == "int8" else 0
        work = (model.architecture, stage, state, data, train, frozen, str(ws.device), seed, checkpoint)
        with torchrun_workers.run_on_all_ranks(_help, *work):
            train_student(
                model,
                data,
                train,
                ws.device,
                seed,
                checkpoint=checkpoint,
                before_epoch=_holding(model, train.epochs - frozen),
                on_epoch=on_epoch,
            )
    save_weights(weights, model, _metadata(ws, model.architecture, stage))
    checkpoint.unlink(missing_ok=True)
    return model, losses


def _help(
    a: Architecture,
    stage: str,
    state: dict[str, torch.Tensor],
    data: DistillationData,
    train: TrainSettings,
    frozen: int,
    device: str,
    seed: int,
    checkpoint: Path,
) -> None:
    """Another process's part in the training of a stage."""
    model = student.build(a)
    if stage == "int8":
        from hwasc.training.quantization import quantize

        model = quantize(model)
    _load(model, state, checkpoint, stage)
    before_epoch = _holding(model, train.epochs - frozen)
    train_student(model, data, train, pick_device(device), seed, checkpoint=checkpoint, before_epoch=before_epoch)


def _holding(model: Student, free: int) -> Callable[[int], None]:
    """Called before each epoch (from 1): after `free` of them activation scales stay as they are."""

    def before_epoch(epoch: int) -> None:
        if epoch > free:
            from hwasc.training.quantization import hold_scales

            hold_scales(model)

    return before_epoch


def _load(model: Student, state: dict[str, torch.Tensor], path: Path, stage: str) -> None:
    try:
        if stage == "int8":
            from hwasc.training.quantization import load_state

            load_state(model, state)
        else:
            model.load_state_dict(state)
    except (KeyError, RuntimeError) as e:
        reason = str(e).splitlines()[0]
        raise HwascError(
            f"{path}: does not fit the architecture ({reason}); delete it to train this part anew"
        ) from None


def _read_losses(path: Path) -> list[float]:
    return [float(v) for v in schema.read_json(path, "list of losses")]


def _quantized(ws: Workspace, data: DistillationData, model: Student, run: Path) -> tuple[Student, list[float]]:
    from hwasc.training.quantization import calibrate, quantize

    quantized = quantize(model)
    ready = (run / "int8.safetensors").is_file()
    if not ready:
        calibrate(quantized, calibration_batches(data.train, _seed(ws)))
    return _trained(ws, data, quantized, ws.settings.distill.qat, run, "int8")


def _seed(ws: Workspace) -> int:
    s = ws.settings
    return s.seed if s.distill.seed is None else s.distill.seed


def _metadata(ws: Workspace, a: Architecture, stage: str) -> dict[str, str]:
    return {"architecture": schema.canonical(a), "classes": json.dumps(list(ws.dataset.classes)), "numbers": stage}


def _measure(
    ws: Workspace,
    a: Architecture,
    model: Student,
    quantized: Student,
    losses: dict[str, list[float]],
    fused: Fused | None,
    start: InitialWeights | None,
    run: Path,
) -> DistillResult:
    from hwasc.deploy import onnx_qcdq, tflite
    from hwasc.report.reports import distill_report

    cpu = torch.device("cpu")
    onnx_path = onnx_qcdq.export(quantized, run / "student.onnx", ws.dataset.classes)
    chip_path = tflite.export(quantized, run / "student.tflite", ws.dataset.classes, "offline")
    validation = ws.features(ws.dataset.validation, a.front_end, "validation")
    test = ws.features(ws.dataset.test, a.front_end, "test")  # the first time that anything reads the test split
    seen = sorted({c.device for c in ws.dataset.train})

    def metrics(net: nn.Module, features: Features) -> tuple[Metrics, np.ndarray]:
        logits = predict(net, features, cpu)
        return measure_logits(logits, features, seen), logits

    float_test, _ = metrics(model.to(cpu), test)
    int8_test, int8_logits = metrics(quantized.to(cpu), test)
    onnx_logits = onnx_qcdq.predict(onnx_qcdq.Runtime(onnx_path), test)
    agreement = float((onnx_logits.argmax(1) == int8_logits.argmax(1)).mean())
    summary = summarize(fused, ws.features(ws.dataset.test, fused.front_end, "test"), "test") if fused else {}
    record = {
        "schema": 1,
        "id": a.id,
        "architecture": a.text(),
        "costs": measure(a),
        "classes": list(ws.dataset.classes),
        "data": ws.data,
        "dataset": ws.dataset.fingerprint,
        "alpha": ws.settings.distill.alpha,
        "seed": ws.settings.seed,
        "student_seed": _seed(ws),
        "initial_weights": {"from": start.by, "sha256": start.sha256} if start else {"from": "random weights"},
        "validation": {
            "float": metrics(model, validation)[0].accuracy,
            "int8": metrics(quantized, validation)[0].accuracy,
        },
        "float": float_test,
        "int8": int8_test,
        "confusion": int8_test.confusion,
        "fusion": summary.get("fusion", []),
        "teachers": summary.get("teachers", []),
        "leave_one_out": summary.get("leave_one_out", []),
        "mixing": summary.get("mixing", {}),
        "losses": losses,
        "onnx": {
            "agreement": agreement,
            "clips": len(test),
            "accuracy": measure_logits(onnx_logits, test, seen).accuracy,
            "file": onnx_path.name,
            "sha256": hashlib.sha256(onnx_path.read_bytes()).hexdigest(),
        },
        "tflite": {
            "file": chip_path.name,
            "bytes": chip_path.stat().st_size,
            "sha256": hashlib.sha256(chip_path.read_bytes()).hexdigest(),
        },
        "environment": environment(),
    }
    record = schema.plain(record)
    schema.write_json(run / "result.json", record)
    schema.write_whole(run / "report.html", distill_report(record))
    if agreement < AGREEMENT:
        raise HwascError(
            f"{onnx_path}: ONNX Runtime names the same scene as the quantized student on only {agreement:.1%} of {len(test):,} "
            f"test clips (at least {AGREEMENT:.0%} expected); the file should not be shipped"
        )
    return DistillResult(run, float_test, int8_test, onnx_path, chip_path, agreement, record)
