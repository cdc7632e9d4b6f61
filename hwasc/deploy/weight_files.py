"""Students in .safetensors files: what a file says is checked against its bytes and tensor shapes before a net is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from hwasc.errors import DataError, WrongFile
from hwasc.models import student
from hwasc.models.student import Student
from hwasc.records.bounded import reason
from hwasc.records.model_metadata import check_class_count, check_file_size, from_texts
from hwasc.training.weights import check_shapes, load_weights, read_header

FLOAT32 = 4  # bytes of a weight, of int8 students too


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """A student with its weights.

    Attributes:
        student: In eval mode; quantized where it computes in int8.
        classes: Names of the classes, in the order of the logits.
        numbers: What it computes in.
        metadata: All that the file says of itself, by key.
    """

    student: Student
    classes: tuple[str, ...]
    numbers: Literal["float", "int8"]
    metadata: Mapping[str, str]


def open_weights(path: Path) -> WeightFile:
    """Open a file that `hwasc distill` wrote.

    Args:
        path: `int8.safetensors` or `float.safetensors` of a distillation.

    Returns:
        The student.

    Raises:
        WrongFile: It is missing, of another kind, or another program's.
        DataError: It is damaged.
    """
    header = read_header(path)
    if not {"architecture", "classes", "numbers"} <= set(header.metadata):
        raise WrongFile(
            f"{path}: was not written by `hwasc distill` (it does not name an architecture and classes); name int8.safetensors "
            "or float.safetensors of its run folder"
        )
    about = from_texts(header.metadata, path)
    check_class_count(about.architecture, about.classes, path)
    check_file_size(about.architecture, path.stat().st_size, FLOAT32, path)
    with torch.device("meta"):
        check_shapes(header, student.build(about.architecture), path)
    state, net = load_weights(path), student.build(about.architecture)
    try:
        if about.numbers == "int8":
            from hwasc.training.quantization import load_state, quantize

            net = load_state(quantize(net), state)
        else:
            net.load_state_dict(state)
    except (KeyError, RuntimeError) as e:
        raise DataError(f"{path}: its weights do not fit its architecture ({reason(e)})") from None
    return WeightFile(
        student=net,
        classes=about.classes,
        numbers="int8" if about.numbers == "int8" else "float",
        metadata=header.metadata,
    )
