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

FILES = ("onnx", "tflite")  # formats that are one file, which ends with the format's name
FORMATS = (*FILES, "c")


def choose_format(out: Path, format: str | None) -> str:
    """The format that a path and a wish ask for. UsageError where they do not fit together, or name no format."""
    named = out.suffix.lstrip(".")
    chosen = format or (named if named in FILES else None)
    if chosen is None:
        raise UsageError(f"--out {out}: .{named} names no format; add --format ({', '.join(FORMATS)})")
    if chosen not in FORMATS:
        raise UsageError(f"--format {chosen}: there is no such format (formats: {', '.join(FORMATS)})")
    if named in FILES and named != chosen:
        wanted = "name a folder" if chosen == "c" else f"name a file that ends with .{chosen}"
        raise UsageError(f"--format {chosen} does not go into {out}; {wanted}")
    return chosen


def export(
    weights: Path, out: Path, *, format: str | None = None, planner: Literal["greedy", "offline"] = "greedy"
) -> Path:
    """Write an int8 student as ONNX QCDQ, full-integer .tflite, or a folder of C++ source around the latter.

    Args:
        weights: `int8.safetensors` of a distillation.
        out: The file, or the folder of `c`.
        format: `onnx`, `tflite` or `c`; None: what `out` ends with.
        planner: The memory plan of the .tflite.

    Returns:
        What was written.

    Raises:
        UsageError: The weights are no quantized student's, the format cannot hold it, or the folder holds something else.
    """
    file_format = choose_format(out, format)
    if planner == "offline" and file_format == "onnx":
        raise UsageError("--planner offline is for --format tflite and c")
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
