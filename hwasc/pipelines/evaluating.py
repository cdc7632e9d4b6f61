"""`hwasc evaluate`: a finished model file on the test split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np
import safetensors
import torch

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

Runtime = Literal["tflm", "litert-ref", "onnx", "torch"]
RUNTIMES: dict[str, tuple[Runtime, ...]] = {
    ".tflite": ("tflm", "litert-ref"),
    ".onnx": ("onnx",),
    ".safetensors": ("torch",),
}


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a model file on the test split, and the runtime that computed it."""

    model: str
    runtime: str
    architecture: str
    metrics: Metrics


def evaluate(ws: Workspace, model: Path, runtime: Runtime | None = None) -> Evaluation:
    """Run a model file over the test split: .tflite in TensorFlow Lite Micro, .onnx in ONNX Runtime, .safetensors in torch.

    runtime: `litert-ref` runs a .tflite in LiteRT's reference kernels instead. Raises DataError for a file that hwasc did not
    write, UsageError where its classes are not the data's or the runtime is for other files.
    """
    if not model.is_file():
        raise UsageError(
            f"{model}: there is no such model; `hwasc distill` writes student.onnx, int8.safetensors and float.safetensors, "
            "`hwasc export --format tflite` student.tflite"
        )
    if model.suffix not in RUNTIMES:
        raise UsageError(f"{model}: unknown kind of model; expected {', '.join(RUNTIMES)}")
    known = RUNTIMES[model.suffix]
    if runtime is not None and runtime not in known:
        raise UsageError(f"{model}: {runtime} does not run {model.suffix} files ({' and '.join(known)} do)")
    if model.suffix == ".onnx":
        return _evaluate_onnx(ws, model)
    if model.suffix == ".tflite":
        return _evaluate_tflite(ws, model, "litert-ref" if runtime == "litert-ref" else "tflm")
    return _evaluate_torch(ws, model)


def _evaluate_onnx(ws: Workspace, model: Path) -> Evaluation:
    from hwasc.deploy import onnx_qcdq

    runtime = onnx_qcdq.Runtime(model)
    features = _test(ws, runtime.architecture, runtime.classes, model)
    name = f"onnx {metadata.version('onnxruntime')}"
    return _result(ws, model, name, runtime.architecture, onnx_qcdq.predict(runtime, features), features)


def _evaluate_tflite(ws: Workspace, model: Path, name: Literal["tflm", "litert-ref"]) -> Evaluation:
    from hwasc.deploy import interpreter

    a, classes, _ = interpreter.read_about(model)
    features = _test(ws, a, classes, model)
    with ws.reporter.track(f"running in {interpreter.version(name)}", len(features)) as update:
        logits = interpreter.predict(model, features, name, ws.workers, update)
    return _result(ws, model, interpreter.version(name), a, logits, features)


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
    return _result(
        ws, model, f"torch {torch.__version__} ({meta['numbers']})", a, predict(net, features, ws.device), features
    )


def _test(ws: Workspace, a: Architecture, classes: tuple[str, ...], model: Path) -> Features:
    check_classes(ArchitectureFile(a, provenance={"classes": list(classes)}), ws, model)
    return ws.features(ws.dataset.test, a.front_end, "test")


def _result(
    ws: Workspace, model: Path, runtime: str, a: Architecture, logits: np.ndarray, features: Features
) -> Evaluation:
    seen = sorted({c.device for c in ws.dataset.train})
    return Evaluation(str(model), runtime, a.id, measure_logits(logits, features, seen))
