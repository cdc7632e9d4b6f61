"""Runtime `torch`: the student's module, float or quantized by Brevitas, from its weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.deploy.runtimes import OpenedModel
from hwasc.errors import DataError
from hwasc.models import student
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.training import loop
from hwasc.training.weights import load_weights, read_entries


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
        state = load_weights(model)
        meta = read_entries(model)
        if not {"architecture", "classes", "numbers"} <= set(meta):
            raise DataError(
                f"{model}: was not written by `hwasc distill` (it does not name an architecture and classes)"
            )
        a = schema.parse(Architecture, json.loads(meta["architecture"]), str(model))
        net = student.build(a)
        try:
            if meta["numbers"] == "int8":
                from hwasc.training.quantization import load_state, quantize

                net = load_state(quantize(net), state)
            else:
                net.load_state_dict(state)
        except (KeyError, RuntimeError) as e:
            raise DataError(f"{model}: its weights do not fit its architecture ({str(e).splitlines()[0]})") from None

        def predict(features: Features, progress: Callable[[int], None]) -> np.ndarray:
            return loop.predict(net, features, device)

        return OpenedModel(
            architecture=a,
            classes=tuple(json.loads(meta["classes"])),
            runtime=f"torch {torch.__version__} ({meta['numbers']})",
            predict=predict,
            metadata=meta,
        )


RUNTIME = TorchRuntime()
