"""`hwasc evaluate`: a finished model file on the test split, as recorded and with added noise."""

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


def evaluate(
    ws: Workspace,
    model: Path,
    *,
    runtime: str | Runtime | None = None,
    snrs: Sequence[float] = (),
    sources: Sequence[str] = COLOURS,
) -> Evaluation:
    """Run a model file on the test split: .tflite in TensorFlow Lite Micro, .onnx in ONNX Runtime, .safetensors in torch.

    Args:
        ws: Data, settings, cache, device.
        model: The file.
        runtime: Another runtime, a name or an object; `litert-ref` runs a .tflite in LiteRT's reference kernels.
            None: the usual one.
        snrs: Signal-to-noise ratios, dB. The test split is run again with noise of each source at each ratio.
        sources: Sources of noise, see `audio.noise.open_noise`. The noise is drawn by the settings' seed.

    Returns:
        Metrics with and without noise.

    Raises:
        UsageError: The model is for other classes, or the runtime for other files.
        DataError: The file was not written by hwasc.
    """
    noises = [open_noise(source, snr, ws.settings.seed) for source in sources for snr in snrs]
    opened = choose(model, runtime).open(model, device=ws.device, workers=ws.workers)
    provenance = {"classes": list(opened.classes)}
    check_classes(ArchitectureFile(opened.architecture, provenance=provenance, path=model), ws)
    train_devices = sorted({c.device for c in ws.dataset.train})

    def measure(noise: Noise | None) -> Metrics:
        what = f"test, {noise.source} noise at {noise.snr:g} dB" if noise else "test"
        features = ws.features(ws.dataset.test, opened.architecture.front_end, what, noise)
        with ws.reporter.track(f"running in {opened.runtime}", len(features)) as update:
            logits = opened.predict(features, update)
        return measure_logits(logits, features, train_devices)

    return Evaluation(
        model=str(model),
        runtime=opened.runtime,
        architecture=opened.architecture.id,
        metrics=measure(None),
        noisy=tuple(NoisyMetrics(noise=n.source, snr=n.snr, metrics=measure(n)) for n in noises),
    )
