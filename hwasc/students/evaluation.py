"""`hwasc evaluate`: a finished model file on the test split, as recorded and with noise added to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hwasc.audio.noise import COLOURS, Noise, open_noise
from hwasc.deploy.runtimes import Runtime, choose
from hwasc.records.architecture import ArchitectureFile
from hwasc.records.results import Result
from hwasc.students.distillation import check_classes
from hwasc.training.metrics import Metrics, measure_logits
from hwasc.workspace import Workspace


@dataclass(frozen=True)
class Noisy:
    """Metrics of the test clips with noise added to their waveforms: of which source, and how many dB below the clip."""

    noise: str
    snr: float
    metrics: Metrics


@dataclass(frozen=True)
class Evaluation(Result):
    """Metrics of a model file on the test split, the runtime that computed it, and what noise does to them (if asked)."""

    model: str
    runtime: str
    architecture: str
    metrics: Metrics
    noisy: tuple[Noisy, ...] = ()


def evaluate(
    ws: Workspace,
    model: Path,
    *,
    runtime: str | Runtime | None = None,
    snrs: Sequence[float] = (),
    sources: Sequence[str] = COLOURS,
) -> Evaluation:
    """Run a model file over the test split: .tflite in TensorFlow Lite Micro, .onnx in ONNX Runtime, .safetensors in torch.

    runtime: another one, a name or an object; `litert-ref` runs a .tflite in LiteRT's reference kernels. snrs: then again with
    noise at so many dB, of each of the sources (`audio.noise.open_noise`), drawn by the settings' seed. Raises DataError for a
    file that hwasc did not write, UsageError where its classes are not the data's or the runtime is for other files.
    """
    noises = [open_noise(source, snr, ws.settings.seed) for source in sources for snr in snrs]
    opened = choose(model, runtime).open(model, device=ws.device, workers=ws.workers)
    named = {"classes": list(opened.classes)}
    check_classes(ArchitectureFile(opened.architecture, provenance=named, path=model), ws)
    seen = sorted({c.device for c in ws.dataset.train})

    def measured(noise: Noise | None) -> Metrics:
        what = f"test, {noise.source} noise at {noise.snr:g} dB" if noise else "test"
        features = ws.features(ws.dataset.test, opened.architecture.front_end, what, noise)
        with ws.reporter.track(f"running in {opened.runtime}", len(features)) as update:
            logits = opened.predict(features, update)
        return measure_logits(logits, features, seen)

    clean = measured(None)
    noisy = tuple(Noisy(n.source, n.snr, measured(n)) for n in noises)
    return Evaluation(str(model), opened.runtime, opened.architecture.id, clean, noisy)
