"""A model file in ONNX Runtime, on one thread of the CPU."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwasc.errors import DataError, UsageError, WrongFile
from hwasc.records.bounded import described, reason
from hwasc.records.file_names import is_utf8

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def open_session(path: Path, fused: bool = True, content: bytes | None = None) -> InferenceSession:
    """Open a model.

    Args:
        path: An .onnx file.
        fused: Whether the runtime may rewrite the graph, which changes integer results on some machines.
        content: The model, where it is another than the file's.

    Returns:
        The session.

    Raises:
        UsageError: ONNX Runtime is not installed.
        DataError: ONNX Runtime cannot open the file.
    """
    try:
        import onnxruntime
    except ImportError:
        raise UsageError(f"{path}: ONNX Runtime is needed to run it; pip install onnxruntime") from None
    options = onnxruntime.SessionOptions()
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        source = content or (str(path) if is_utf8(path) else path.read_bytes())
        with contextlib.redirect_stdout(io.StringIO()):  # it prints of a file that it cannot read
            return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as e:  # ONNX Runtime has an exception class a failure, none public
        why = described(path, reason(e))
        raise WrongFile(f"{path}: no model that ONNX Runtime can open ({why})") from None


def metadata_of(session: InferenceSession, path: Path) -> dict[str, str]:
    """Read a model's metadata.

    Args:
        session: The open model.
        path: The file, for messages.

    Returns:
        Texts by name.

    Raises:
        DataError: They are no text.
    """
    try:
        return dict(session.get_modelmeta().custom_metadata_map)
    except UnicodeDecodeError:
        raise DataError(f"{path}: its metadata is damaged (it is no text)") from None


def run(session: InferenceSession, outputs: list[str] | None, inputs: dict[str, Any], path: Path) -> np.ndarray:
    """Run a model.

    Args:
        session: The open model.
        outputs: Names of its outputs; None: all of them.
        inputs: Arrays by name.
        path: The file, for messages.

    Returns:
        The first output, as float32.

    Raises:
        DataError: ONNX Runtime cannot run it, or its output is no array of numbers that float32 holds.
    """
    try:
        found: Any = np.asarray(session.run(outputs, inputs)[0])
    except Exception as e:  # see above
        raise DataError(f"{path}: ONNX Runtime cannot run it ({reason(e)})") from None
    if found.dtype.kind not in "fiu":
        raise DataError(f"{path}: gives {found.dtype}, expected numbers")
    with np.errstate(over="ignore"):
        narrow = found.astype(np.float32)
    if not np.isfinite(narrow).all():
        raise DataError(f"{path}: gives numbers that are not finite in float32; expected logits")
    return narrow
