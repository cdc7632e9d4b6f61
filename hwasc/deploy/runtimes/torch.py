"""Runtime `torch`: the student's module, float or quantized by Brevitas, from its weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.deploy.runtimes import OpenedModel
from hwasc.deploy.weight_files import open_weights
from hwasc.training import loop


class TorchRuntime:
    """Runs .safetensors files, on the workspace's device."""

    suffixes: tuple[str, ...] = (".safetensors",)

    def open(self, model: Path, *, device: torch.device, workers: int) -> OpenedModel:
        """Open a file; see `Runtime`.

        Args:
            model: A file that hwasc wrote.
            device: Where the net runs.
            workers: Not used.

        Returns:
            The model, ready to run.

        Raises:
            DataError: hwasc did not write the file, or it is damaged.
        """
        opened = open_weights(model)

        def predict(features: Features, progress: Callable[[int], None]) -> np.ndarray:
            return loop.predict(opened.student, features, device)

        return OpenedModel(
            architecture=opened.student.architecture,
            classes=opened.classes,
            runtime=f"torch {torch.__version__} ({opened.numbers})",
            predict=predict,
            metadata=opened.metadata,
        )


RUNTIME = TorchRuntime()
