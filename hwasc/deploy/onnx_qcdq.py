"""ONNX in QCDQ form (quantize, clip, dequantize around every layer): written by Brevitas, run by ONNX Runtime."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from hwasc.deploy.exporters import Planner
from hwasc.deploy.onnx_session import open_session
from hwasc.errors import DataError
from hwasc.models.student import Student
from hwasc.records import leftovers, schema
from hwasc.records.architecture import Architecture

OPSET = 13


def export(model: Student, path: Path, classes: tuple[str, ...]) -> Path:
    """Write a quantized student; architecture and class names are stored in the metadata.

    The torchscript exporter is used, because Brevitas' QCDQ handlers are written for it.

    Args:
        model: A quantized student.
        path: File to write.
        classes: Scenes in the order of the logits.

    Returns:
        The path. The file takes any batch size.
    """
    from brevitas.export import export_onnx_qcdq

    fe = model.architecture.front_end
    example = torch.zeros(1, 1, fe.mels, fe.frames)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = leftovers.aside(path)
    os.close(handle)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            export_onnx_qcdq(
                model.cpu().eval(),
                args=example,
                export_path=str(aside),
                opset_version=OPSET,
                dynamo=False,
                input_names=["logmel"],
                output_names=["logits"],
                dynamic_axes={"logmel": {0: "clips"}, "logits": {0: "clips"}},
            )
        proto = onnx.load(str(aside))
        for key, value in (
            ("architecture", schema.canonical(model.architecture)),
            ("classes", json.dumps(list(classes))),
        ):
            entry = proto.metadata_props.add()
            entry.key, entry.value = key, value
        schema.write_whole(path, proto.SerializeToString())
    finally:
        aside.unlink(missing_ok=True)
    return path


class OnnxExporter:
    """Format `onnx`.

    Attributes:
        suffix: Of the file.
        planners: Memory plans that can be asked for; the file holds none.
    """

    suffix: str = ".onnx"
    planners: tuple[Planner, ...] = ("greedy",)

    def export(self, model: Student, out: Path, classes: tuple[str, ...], planner: Planner) -> Path:
        """See `Exporter`."""
        return export(model, out, classes)


EXPORTER = OnnxExporter()


class Runtime:
    """A QCDQ file in ONNX Runtime on the CPU, without graph fusions: they change integer results on some machines."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Args:
            path: An .onnx file that hwasc wrote.

        Raises:
            UsageError: ONNX Runtime is not installed.
            DataError: The file cannot be opened, or hwasc did not write it.
        """
        self._session = open_session(path, fused=False)
        meta: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        if not {"architecture", "classes"} <= set(meta):
            raise DataError(f"{path}: was not written by hwasc (it names no architecture and classes)")
        self.architecture: Architecture = schema.parse(Architecture, json.loads(meta["architecture"]), str(path))
        self.classes: tuple[str, ...] = tuple(json.loads(meta["classes"]))

    def logits(self, logmel: np.ndarray) -> np.ndarray:
        """Compute logits: (B, 1, mels, frames) float32 -> (B, classes) float32."""
        out: Any = self._session.run(["logits"], {"logmel": logmel})
        return np.asarray(out[0], np.float32)


def predict(runtime: Runtime, features: Any, batch: int = 64) -> np.ndarray:
    """Compute the logits of a set of clips.

    Args:
        runtime: An open file.
        features: n clips.
        batch: Clips at a time.

    Returns:
        Logits (n, classes), in order.
    """
    rows = np.arange(len(features))
    return np.concatenate(
        [runtime.logits(features.batch(rows[i : i + batch]).numpy()) for i in range(0, len(rows), batch)]
    )
