"""`hwasc evaluate`: a finished model file on the test split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors

from hwasc.data.features import Features
from hwasc.errors import DataError, UsageError
from hwasc.models import student
from hwasc.pipelines.distilling import check_classes
from hwasc.pipelines.workspace import Workspace
from hwasc.records import schema
from hwasc.records.architecture import Architecture, ArchitectureFile
from hwasc.training.loop import predict
from hwasc.training.metrics import Metrics, measure_logits
from hwasc.training.weights import load_weights


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a model file on the test split, and the runtime that computed it."""

    model: str
    runtime: str
    architecture: str
    metrics: Metrics


def evaluate(ws: Workspace, model: Path) -> Evaluation:
    """Run a model file over the test split: .tflite in TensorFlow Lite Micro, .onnx in ONNX Runtime, .safetensors in torch.

    Raises DataError for a file that hwasc did not write, UsageError where its classes are not the data's.
    """
    if not model.is_file():
        raise UsageError(
            f"{model}: there is no such model; `hwasc distill` writes student.onnx, int8.safetensors and float.safetensors, "
            "`hwasc export --format tflite` student.tflite"
        )
    if model.suffix == ".onnx":
        from hwasc.deploy import onnx_qcdq

        runtime = onnx_qcdq.Runtime(model)
        features = _test(ws, runtime.architecture, runtime.classes, model)
        return _result(ws, model, "onnxruntime", runtime.architecture, onnx_qcdq.predict(runtime, features), features)
    if model.suffix == ".tflite":
        from hwasc.deploy import tflm

        a, classes, _ = tflm.read_about(model)
        features = _test(ws, a, classes, model)
        with ws.reporter.track("running on the chip's interpreter", len(features)) as update:
            logits = tflm.predict(model, features, ws.workers, update)
        return _result(ws, model, tflm.version(), a, logits, features)
    if model.suffix == ".safetensors":
        return _evaluate_torch(ws, model)
    raise UsageError(f"{model}: unknown kind of model; expected .tflite, .onnx or .safetensors")


def _evaluate_torch(ws: Workspace, model: Path) -> Evaluation:
    state = load_weights(model)
    with safetensors.safe_open(str(model), "pt") as f:
        meta = f.metadata() or {}
    if not {"architecture", "classes", "numbers"} <= set(meta):
        raise DataError(f"{model}: was not written by `hwasc distill` (it names no architecture and classes)")
    a = schema.parse(Architecture, json.loads(meta["architecture"]), str(model))
    features = _test(ws, a, tuple(json.loads(meta["classes"])), model)
    net = student.build(a)
    try:
        if meta["numbers"] == "int8":
            from hwasc.training.quantization import load_state, quantize

            net = load_state(quantize(net), state)
        else:
            net.load_state_dict(state)
    except (KeyError, RuntimeError) as e:
        raise DataError(f"{model}: its weights do not fit its architecture ({str(e).splitlines()[0]})") from None
    return _result(ws, model, f"torch ({meta['numbers']})", a, predict(net, features, ws.device), features)


def _test(ws: Workspace, a: Architecture, classes: tuple[str, ...], model: Path) -> Features:
    check_classes(ArchitectureFile(a, provenance={"classes": list(classes)}), ws, model)
    return ws.features(ws.dataset.test, a.front_end, "test")


def _result(
    ws: Workspace, model: Path, runtime: str, a: Architecture, logits: np.ndarray, features: Features
) -> Evaluation:
    seen = sorted({c.device for c in ws.dataset.train})
    return Evaluation(str(model), runtime, a.id, measure_logits(logits, features, seen))
