"""`hwasc export`: a distilled run's int8 student as a file for a runtime, as source for firmware, or as a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hwasc.deploy.exporters import NoOptions, Planner, choose_format, find, read_options
from hwasc.deploy.weight_files import open_weights
from hwasc.errors import UsageError
from hwasc.models import student
from hwasc.parts import EXPORTERS
from hwasc.records import training_clips
from hwasc.records.outputs import check_output_file, check_output_folder
from hwasc.records.training_clips import FILE, SUFFIX, record_of
from hwasc.training.weights import read_entries


def export(weights: Path, out: Path, *, format: str | None = None, planner: Planner = "greedy", **options: Any) -> Path:
    """Write an int8 student in one of the known formats: ONNX QCDQ, full-integer .tflite, C++ around it, C, a page, or another.

    Args:
        weights: `int8.safetensors` of a distillation.
        out: The file, or the folder of a format that is one.
        format: The name of an exporter; None: what `out` ends with.
        planner: The memory plan of the .tflite.
        **options: Of the format, see `Exporter`.

    Returns:
        What was written.

    Raises:
        UsageError: The weights are no quantized student's, the format cannot hold it or has no such option, or the folder
            holds something else.
        DataError: The weights are damaged, or the record of their training clips is missing.
    """
    chosen = choose_format(out, format)
    exporter = find(chosen)
    if planner not in exporter.planners:
        known = [name for name in EXPORTERS if planner in find(name).planners]
        raise UsageError(f"--planner {planner} is for --format {' and '.join(known)}")
    values = read_options(chosen, options)
    (check_output_file if exporter.suffix else check_output_folder)(out, "--out")
    if getattr(values, "run", weights) is None:
        values = replace(values, run=weights.parent)
    more = {} if isinstance(values, NoOptions) else {"options": values}
    model, classes = load_int8(weights)
    clips = record_of(read_entries(weights), weights)
    written = exporter.export(model, out, classes, planner, clips=clips, **more)
    if clips is not None:
        training_clips.save(clips, out / FILE if written.is_dir() else written.with_suffix(SUFFIX))
    return written


def load_int8(weights: Path) -> tuple[student.Student, tuple[str, ...]]:
    """Read the quantized student in an `int8.safetensors`.

    Args:
        weights: The file.

    Returns:
        The student and its class names.

    Raises:
        UsageError: The file holds other weights.
        DataError: It cannot be read.
    """
    if read_entries(weights).get("numbers") != "int8":
        raise UsageError(f"{weights}: holds no int8 student; name the int8.safetensors that `hwasc distill` wrote")
    opened = open_weights(weights)
    return opened.student, opened.classes
