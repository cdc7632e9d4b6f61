"""Runtime `c`: the folder of `hwasc export --format c`, compiled by the system's compiler, from features or from waveforms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.deploy.firmware.host_program import HostProgram
from hwasc.deploy.firmware.verification import verified
from hwasc.deploy.runtimes import FOLDER, OpenedModel


class FirmwareRuntime:
    """Runs folders of the format `c` on this machine.

    Attributes:
        suffixes: See `Runtime`.
        formats: See `Runtime`.
    """

    suffixes: tuple[str, ...] = (FOLDER,)
    formats: tuple[str, ...] = ("c",)

    def open(self, model: Path, *, device: torch.device, workers: int) -> OpenedModel:
        """Check and compile a folder; see `Runtime`.

        Args:
            model: A folder that hwasc wrote.
            device: Not used: it runs on the CPU.
            workers: Processes that run the clips.

        Returns:
            The model, ready to run.

        Raises:
            DataError: hwasc did not write the folder, or it was changed since.
            HwascError: There is no compiler, or it fails.
        """
        files, opened = verified(model)
        program = HostProgram.compiled(files, opened, workers)

        def predict(features: Features, progress: Callable[[int], None]) -> np.ndarray:
            return program.predict(features, progress)

        return OpenedModel(
            architecture=opened.student.architecture,
            classes=opened.classes,
            runtime=f"c ({program.compiler})",
            predict=predict,
            predict_waves=program.predict_waves,
            metadata=opened.metadata,
        )


RUNTIME = FirmwareRuntime()
