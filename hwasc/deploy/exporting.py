"""`hwasc export`: a distilled run's int8 student as a file for a runtime, or as source for firmware."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import safetensors

from hwasc.errors import UsageError
from hwasc.models import student
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.training.weights import load_weights

Format = Literal["onnx", "tflite", "c"]


def export(
    weights: Path, out: Path, file_format: Format = "onnx", planner: Literal["greedy", "offline"] = "greedy"
) -> Path:
    """Write `int8.safetensors` as ONNX QCDQ, full-integer .tflite, or a folder of C++ source around the latter.

    planner: the memory plan in the .tflite. UsageError for weights that are not a quantized student's, for what the format
    cannot hold, and for a folder that holds something else.
    """
    model, classes = load_int8(weights)
    if file_format == "tflite":
        from hwasc.deploy import tflite

        return tflite.export(model, out, classes, planner)
    if file_format == "c":
        from hwasc.deploy import tflm_source

        return tflm_source.export(model, out, classes, planner)
    from hwasc.deploy import onnx_qcdq

    return onnx_qcdq.export(model, out, classes)


def load_int8(weights: Path) -> tuple[student.Student, tuple[str, ...]]:
    """The quantized student in `int8.safetensors`, and its class names. UsageError for other weights."""
    from hwasc.training.quantization import load_state, quantize

    state = load_weights(weights)
    with safetensors.safe_open(str(weights), "pt") as f:
        meta = f.metadata() or {}
    if meta.get("numbers") != "int8":
        raise UsageError(f"{weights}: holds no int8 student; name the int8.safetensors that `hwasc distill` wrote")
    architecture = schema.parse(Architecture, json.loads(meta["architecture"]), str(weights))
    model = load_state(quantize(student.build(architecture)), state)
    return model, tuple(json.loads(meta["classes"]))
