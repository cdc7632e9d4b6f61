"""Runtime `tflm`: TensorFlow Lite Micro, the interpreter that runs on the chip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.deploy import interpreter
from hwasc.deploy.runtimes import OpenedModel
from hwasc.records.model_metadata import check_class_count
from hwasc.records.training_clips import KEY


@dataclass(frozen=True)
class TfliteRuntime:
    """An interpreter of .tflite files, in child processes.

    Attributes:
        name: Of the interpreter, see `interpreter.PACKAGES`.
        suffixes: See `Runtime`.
    """

    name: interpreter.Name
    suffixes: ClassVar[tuple[str, ...]] = (".tflite",)

    def open(self, model: Path, *, device: torch.device, workers: int) -> OpenedModel:
        """Open a file; see `Runtime`.

        Args:
            model: A file that hwasc wrote.
            device: Not used: it runs on the CPU.
            workers: Child processes that run the clips.

        Returns:
            The model, ready to run.

        Raises:
            DataError: hwasc did not write the file, or it is damaged.
        """
        about = interpreter.read_about(model)
        check_class_count(about.architecture, about.classes, model)

        def predict(features: Features, progress: Callable[[int], None]) -> np.ndarray:
            return interpreter.predict(model, features, self.name, workers=workers, progress=progress)

        return OpenedModel(
            architecture=about.architecture,
            classes=about.classes,
            runtime=interpreter.version(self.name),
            predict=predict,
            metadata={KEY: about.clips.text()} if about.clips else {},
        )


RUNTIME = TfliteRuntime("tflm")
