"""`hwasc evaluate`: a finished model file on the test split, as recorded and with added noise."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np
import safetensors
import torch

from hwasc.audio.noise import COLOURS, Noise, open_noise
from hwasc.data.features import Features
from hwasc.errors import DataError, UsageError
from hwasc.models import student
from hwasc.records import schema
from hwasc.records.architecture import Architecture, ArchitectureFile
from hwasc.records.results import Result
from hwasc.students.distillation import check_classes
from hwasc.training.loop import predict
from hwasc.training.metrics import Metrics, measure_logits
from hwasc.training.weights import load_weights
from hwasc.workspace import Workspace

Runtime = Literal["tflm", "litert-ref", "onnx", "torch"]
RUNTIMES: dict[str, tuple[Runtime, ...]] = {
    ".tflite": ("tflm", "litert-ref"),
    ".onnx": ("onnx",),
    ".safetensors": ("torch",),
}


@dataclass(frozen=True, kw_only=True)
class NoisyMetrics:
    """Metrics of the test clips with noise added to their waveforms.

    Attributes:
        noise: The source of the noise.
        snr: Signal-to-noise ratio, dB.
        metrics: Of the noisy clips.
    """

    noise: str
    snr: float
    metrics: Metrics


@dataclass(frozen=True, kw_only=True)
class Evaluation(Result):
    """A model file on the test split.

    Attributes:
        model: The file.
        runtime: The runtime that computed the logits, with its version.
        architecture: The architecture's id.
        metrics: Of the clips as recorded.
        noisy: Of the clips with noise, for each source and ratio; empty where none was requested.
    """

    model: str
    runtime: str
    architecture: str
    metrics: Metrics
    noisy: tuple[NoisyMetrics, ...] = ()


@dataclass(frozen=True)
class _Opened:
    """A model file ready to run: features to logits (n, classes), in the runtime of this name."""

    architecture: Architecture
    classes: tuple[str, ...]
    runtime: str
    predict: Callable[[Features], np.ndarray]


def evaluate(
    ws: Workspace,
    model: Path,
    *,
    runtime: str | None = None,
    snrs: Sequence[float] = (),
    sources: Sequence[str] = COLOURS,
) -> Evaluation:
    """Run a model file on the test split: .tflite in TensorFlow Lite Micro, .onnx in ONNX Runtime, .safetensors in torch.

    Args:
        ws: Data, settings, cache, device.
        model: The file.
        runtime: Another runtime; `litert-ref` runs a .tflite in LiteRT's reference kernels. None: the usual one.
        snrs: Signal-to-noise ratios, dB. The test split is run again with noise of each source at each ratio.
        sources: Sources of noise, see `audio.noise.open_noise`. The noise is drawn by the settings' seed.

    Returns:
        Metrics with and without noise.

    Raises:
        UsageError: The model is for other classes, or the runtime for other files.
        DataError: The file was not written by hwasc.
    """
    noises = [open_noise(source, snr, ws.settings.seed) for source in sources for snr in snrs]
    opened = _open(ws, model, runtime)
    provenance = {"classes": list(opened.classes)}
    check_classes(ArchitectureFile(opened.architecture, provenance=provenance, path=model), ws)
    train_devices = sorted({c.device for c in ws.dataset.train})

    def measure(noise: Noise | None) -> Metrics:
        what = f"test, {noise.source} noise at {noise.snr:g} dB" if noise else "test"
        features = ws.features(ws.dataset.test, opened.architecture.front_end, what, noise)
        return measure_logits(opened.predict(features), features, train_devices)

    return Evaluation(
        model=str(model),
        runtime=opened.runtime,
        architecture=opened.architecture.id,
        metrics=measure(None),
        noisy=tuple(NoisyMetrics(noise=n.source, snr=n.snr, metrics=measure(n)) for n in noises),
    )


def _open(ws: Workspace, model: Path, runtime: str | None) -> _Opened:
    if not model.is_file():
        raise UsageError(
            f"{model}: there is no such model; `hwasc distill` writes student.onnx, int8.safetensors and float.safetensors, "
            "`hwasc export --format tflite` student.tflite"
        )
    if model.suffix not in RUNTIMES:
        raise UsageError(f"{model}: unknown kind of model; expected {', '.join(RUNTIMES)}")
    known = RUNTIMES[model.suffix]
    if runtime is not None and runtime not in known:
        raise UsageError(f"{model}: {runtime} does not run {model.suffix} files ({' and '.join(known)} do)")
    if model.suffix == ".onnx":
        return _open_onnx(model)
    if model.suffix == ".tflite":
        return _open_tflite(ws, model, "litert-ref" if runtime == "litert-ref" else "tflm")
    return _open_torch(ws, model)


def _open_onnx(model: Path) -> _Opened:
    from hwasc.deploy import onnx_qcdq

    runtime = onnx_qcdq.Runtime(model)
    name = f"onnx {metadata.version('onnxruntime')}"
    return _Opened(runtime.architecture, runtime.classes, name, lambda features: onnx_qcdq.predict(runtime, features))


def _open_tflite(ws: Workspace, model: Path, name: Literal["tflm", "litert-ref"]) -> _Opened:
    from hwasc.deploy import interpreter

    a, classes, _ = interpreter.read_about(model)
    version = interpreter.version(name)

    def predicted(features: Features) -> np.ndarray:
        with ws.reporter.track(f"running in {version}", len(features)) as update:
            return interpreter.predict(model, features, name, workers=ws.workers, progress=update)

    return _Opened(a, classes, version, predicted)


def _open_torch(ws: Workspace, model: Path) -> _Opened:
    state = load_weights(model)
    with safetensors.safe_open(str(model), "pt") as f:
        meta = f.metadata() or {}
    if not {"architecture", "classes", "numbers"} <= set(meta):
        raise DataError(f"{model}: was not written by `hwasc distill` (it names no architecture and classes)")
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
    name = f"torch {torch.__version__} ({meta['numbers']})"
    return _Opened(a, tuple(json.loads(meta["classes"])), name, lambda features: predict(net, features, ws.device))
