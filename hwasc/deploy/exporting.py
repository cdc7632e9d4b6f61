"""`hwasc export`: a distilled run's int8 student as a file for a runtime, or as source for firmware."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors

from hwasc.deploy.exporters import Planner, choose_format, find
from hwasc.errors import UsageError
from hwasc.models import student
from hwasc.parts import EXPORTERS
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.training.weights import load_weights


def export(weights: Path, out: Path, *, format: str | None = None, planner: Planner = "greedy") -> Path:
    """Write an int8 student in one of the known formats: ONNX QCDQ, full-integer .tflite, C++ source around it, or another.

    Args:
        weights: `int8.safetensors` of a distillation.
        out: The file, or the folder of `c`.
        format: The name of an exporter; None: what `out` ends with.
        planner: The memory plan of the .tflite.

    Returns:
        What was written.

    Raises:
        UsageError: The weights are no quantized student's, the format cannot hold it, or the folder holds something else.
    """
    chosen = choose_format(out, format)
    exporter = find(chosen)
    if planner not in exporter.planners:
        known = [name for name in EXPORTERS if planner in find(name).planners]
        raise UsageError(f"--planner {planner} is for --format {' and '.join(known)}")
    model, classes = load_int8(weights)
    return exporter.export(model, out, classes, planner)


def load_int8(weights: Path) -> tuple[student.Student, tuple[str, ...]]:
    """Read the quantized student in an `int8.safetensors`.

    Args:
        weights: The file.

    Returns:
        The student and its class names.

    Raises:
        UsageError: The file holds other weights.
    """
    from hwasc.training.quantization import load_state, quantize

    state = load_weights(weights)
    with safetensors.safe_open(str(weights), "pt") as f:
        meta = f.metadata() or {}
    if meta.get("numbers") != "int8":
        raise UsageError(f"{weights}: holds no int8 student; name the int8.safetensors that `hwasc distill` wrote")
    architecture = schema.parse(Architecture, json.loads(meta["architecture"]), str(weights))
    model = load_state(quantize(student.build(architecture)), state)
    return model, tuple(json.loads(meta["classes"]))
