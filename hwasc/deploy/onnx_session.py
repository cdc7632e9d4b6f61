"""A model file in ONNX Runtime, on one thread of the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hwasc.errors import DataError, UsageError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def open_session(path: Path, fused: bool = True) -> InferenceSession:
    """Open a model.

    Args:
        path: An .onnx file.
        fused: Whether the runtime may rewrite the graph, which changes integer results on some machines.

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
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as e:  # ONNX Runtime has an exception class a failure, none public
        raise DataError(f"{path}: no model that ONNX Runtime can open ({str(e).splitlines()[0]})") from None
