"""Runtimes: each runs finished model files. One module each, one contract test for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from hwasc.data.features import Features
from hwasc.errors import UsageError
from hwasc.parts import RUNTIMES
from hwasc.records.architecture import Architecture
from hwasc.registry import name_of

Predict = Callable[[Features, Callable[[int], None]], np.ndarray]
PredictWaves = Callable[[Iterable[np.ndarray], Callable[[int], None]], np.ndarray]
FOLDER = ""  # the suffix of a model that is a folder


@dataclass(frozen=True, kw_only=True)
class OpenedModel:
    """A model file ready to run.

    Attributes:
        architecture: The student that it holds.
        classes: Names of the classes, in the order of the logits.
        runtime: The runtime and its version, as results show them.
        predict_waves: Computes the logits from waveforms, float32 (samples,) at full scale 1, by a front end of its own;
            None where the model takes features only.
        metadata: What the file says of itself by key; `clips` and `clips_record` on its training clips.
        predict: Computes logits (n, classes) of n clips' features, and calls a function with the number of clips done so far.
    """

    architecture: Architecture
    classes: tuple[str, ...]
    runtime: str
    predict: Predict
    predict_waves: PredictWaves | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class Runtime(Protocol):
    """Opens model files of some kinds.

    Attributes:
        suffixes: What the files' names end with, e.g. `.tflite`; `FOLDER` for folders. A runtime of folders has one more
            attribute, `formats`: the exporters whose folders it runs.
    """

    suffixes: tuple[str, ...]

    def open(self, model: Path, *, device: torch.device, workers: int) -> OpenedModel:
        """Open a file.

        Args:
            model: The file.
            device: Where nets run, for runtimes that support several devices.
            workers: Processes on this machine. No result depends on their number.

        Returns:
            The model, ready to run.

        Raises:
            DataError: hwasc did not write the file, or it is damaged.
            UsageError: The runtime is not installed.
        """
        ...


def choose(model: Path, runtime: str | Runtime | None) -> Runtime:
    """What runs a model file.

    Args:
        model: The file.
        runtime: A name, an object, or None: the first known one for this kind of file.

    Returns:
        The runtime.

    Raises:
        UsageError: There is no such file, no runtime for it, or the given runtime does not run such files.
    """
    if not model.exists():
        raise UsageError(
            f"{model}: there is no such model; `hwasc distill` writes student.onnx, int8.safetensors and float.safetensors, "
            "`hwasc export --format tflite` student.tflite, `--format c` a folder"
        )
    suffix = FOLDER if model.is_dir() else model.suffix or model.name
    if runtime is None:
        for name in RUNTIMES:
            if suffix in RUNTIMES.get(name).suffixes:
                found: Runtime = RUNTIMES.get(name)
                return found
        raise UsageError(f"{model}: unknown kind of model; expected {', '.join(s or 'a folder' for s in by_suffix())}")
    chosen: Runtime = RUNTIMES.get(runtime) if isinstance(runtime, str) else runtime
    if suffix not in chosen.suffixes:
        named = runtime if isinstance(runtime, str) else name_of(runtime)
        known = by_suffix().get(suffix)
        others = f" ({' and '.join(known)} {'do' if len(known) > 1 else 'does'})" if known else ""
        raise UsageError(f"{model}: {named} does not run {f'{suffix} files' if suffix else 'folders'}{others}")
    return chosen


def by_suffix() -> dict[str, list[str]]:
    """The names of all known runtimes by the kind of file that they run."""
    found: dict[str, list[str]] = {}
    for name in RUNTIMES:
        for suffix in RUNTIMES.get(name).suffixes:
            found.setdefault(suffix, []).append(name)
    return found
