"""ONNX in QCDQ form (quantize, clip, dequantize around every layer): written by Brevitas, run by ONNX Runtime."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from hwasc.deploy.exporters import Planner
from hwasc.deploy.onnx_session import metadata_of, open_session, run
from hwasc.errors import DataError
from hwasc.models.student import Student
from hwasc.records import schema, training_clips
from hwasc.records.architecture import Architecture
from hwasc.records.leftovers import temporary_folder
from hwasc.records.model_metadata import check_class_count, check_file_size, from_texts
from hwasc.records.training_clips import TrainingClips

OPSET = 13


def export(model: Student, path: Path, classes: tuple[str, ...], *, clips: TrainingClips | None = None) -> Path:
    """Write a quantized student; architecture and class names are stored in the metadata.

    The torchscript exporter is used, because Brevitas' QCDQ handlers are written for it.

    Args:
        model: A quantized student.
        path: File to write.
        classes: Scenes in the order of the logits.
        clips: The recordings that it was trained on and chosen by; stored in the metadata, too.

    Returns:
        The path. The file takes any batch size.
    """
    from brevitas.export import export_onnx_qcdq

    fe = model.architecture.front_end
    example = torch.zeros(1, 1, fe.mels, fe.frames)
    with warnings.catch_warnings(), temporary_folder("hwasc-onnx-", Path(tempfile.gettempdir())) as folder:
        warnings.simplefilter("ignore")
        file = str(folder / "student.onnx")  # torch takes names in UTF-8 alone, and `path` may have another
        export_onnx_qcdq(
            model.cpu().eval(),
            args=example,
            export_path=file,
            opset_version=OPSET,
            dynamo=False,
            input_names=["logmel"],
            output_names=["logits"],
            dynamic_axes={"logmel": {0: "clips"}, "logits": {0: "clips"}},
        )
        proto = onnx.load(file)
    for key, value in (
        ("architecture", schema.canonical(model.architecture)),
        ("classes", json.dumps(list(classes))),
        *(training_clips.metadata(clips).items() if clips else ()),
    ):
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value
    schema.write_whole(path, proto.SerializeToString())
    return path


class OnnxExporter:
    """Format `onnx`.

    Attributes:
        suffix: Of the file.
        planners: Memory plans that can be asked for; the file holds none.
    """

    suffix: str = ".onnx"
    planners: tuple[Planner, ...] = ("greedy",)

    def export(
        self,
        model: Student,
        out: Path,
        classes: tuple[str, ...],
        planner: Planner,
        *,
        clips: TrainingClips | None = None,
    ) -> Path:
        """See `Exporter`."""
        return export(model, out, classes, clips=clips)


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
        self.metadata = metadata_of(self._session, path)
        about = from_texts(self.metadata, path)
        check_class_count(about.architecture, about.classes, path)
        check_file_size(about.architecture, path.stat().st_size, 1, path)
        self.path = path
        self.architecture: Architecture = about.architecture
        self.classes: tuple[str, ...] = about.classes
        fe = about.architecture.front_end
        shapes = {end.name: list(end.shape) for end in (*self._session.get_inputs(), *self._session.get_outputs())}
        if shapes.get("logmel", [])[1:] != [1, fe.mels, fe.frames] or "logits" not in shapes:
            raise DataError(f"{path}: its input of {shapes.get('logmel')} does not fit the architecture that it names")

    def logits(self, logmel: np.ndarray) -> np.ndarray:
        """Compute logits: (B, 1, mels, frames) float32 -> (B, classes) float32."""
        out = run(self._session, ["logits"], {"logmel": logmel}, self.path)
        if out.shape != (len(logmel), len(self.classes)):
            raise DataError(f"{self.path}: gives {list(out.shape)}, expected {[len(logmel), len(self.classes)]}")
        return out


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
