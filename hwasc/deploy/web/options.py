"""Options of the format `web`: where ONNX Runtime for browsers lies, and the run whose figures the page shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WebOptions:
    """Options of the format `web`.

    Attributes:
        onnxruntime_web: Folder of the npm package onnxruntime-web; None: `node_modules/onnxruntime-web` in the working folder or
            the nearest folder above it that has one.
        run: Run folder of the distillation, for the accuracy and the model card; None: nothing is said of them.
    """

    onnxruntime_web: str | Path | None = None
    run: Path | None = None
