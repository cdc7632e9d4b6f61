"""Runtime `onnx`: ONNX Runtime on one thread of the CPU."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.deploy.runtimes import OpenedModel


class OnnxRuntime:
    """Runs .onnx files without graph fusions."""

    suffixes: tuple[str, ...] = (".onnx",)

    def open(self, model: Path, *, device: torch.device, workers: int) -> OpenedModel:
        """Open a file; see `Runtime`.

        Args:
            model: A file that hwasc wrote.
            device: Not used: it runs on the CPU.
            workers: Not used: it runs on one thread.

        Returns:
            The model, ready to run.

        Raises:
            DataError: hwasc did not write the file, or it is damaged.
        """
        from hwasc.deploy import onnx_qcdq

        session = onnx_qcdq.Runtime(model)

        def predict(features: Features, progress: Callable[[int], None]) -> np.ndarray:
            return onnx_qcdq.predict(session, features)

        return OpenedModel(
            architecture=session.architecture,
            classes=session.classes,
            runtime=f"onnx {metadata.version('onnxruntime')}",
            predict=predict,
            metadata=session.metadata,
        )


RUNTIME = OnnxRuntime()
