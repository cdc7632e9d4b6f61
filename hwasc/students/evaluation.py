"""`hwasc evaluate`: a finished model file on the test split, as recorded and with added noise."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hwasc.audio.noise import COLOURS, Noise, open_noise
from hwasc.cost.fit import Fit, fit
from hwasc.cost.limits import resolve
from hwasc.data.changes import AddedNoise
from hwasc.data.source import DataSource
from hwasc.data.waveforms import read_waves
from hwasc.deploy.runtimes import OpenedModel, Runtime, choose
from hwasc.ensemble.measured import measured
from hwasc.errors import DataError, UsageError
from hwasc.progress import Stage
from hwasc.records import architecture as architectures
from hwasc.records import training_clips
from hwasc.records.architecture import Architecture, ArchitectureFile
from hwasc.records.measured_clips import MeasuredClips
from hwasc.records.results import Result
from hwasc.records.searched_for import budget_of
from hwasc.records.training_clips import TrainingClips, record_of
from hwasc.students.clip_predictions import ClipPredictions
from hwasc.students.distillation import check_classes
from hwasc.students.known import check_data_named
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
        runtime: The runtime that computed the logits, with its version; and that it did so from waveforms, where it did.
        architecture: The architecture's id.
        classes: The model's scenes, in the order of the confusion matrix.
        measured: The clips that the metrics are of.
        metrics: Of the clips as recorded.
        noisy: Of the clips with noise, for each source and ratio; empty where none was requested.
        fit: The model's costs beside the budget of its search, where the record of its architecture lies beside the file.
        file: Bytes of the model file; None for a folder.
    """

    model: str
    runtime: str
    architecture: str
    classes: tuple[str, ...]
    measured: MeasuredClips
    metrics: Metrics
    noisy: tuple[NoisyMetrics, ...] = ()
    fit: Fit | None = None
    file: int | None = None


def evaluate(
    ws: Workspace,
    model: Path,
    *,
    runtime: str | Runtime | None = None,
    snrs: Sequence[float] = (),
    sources: Sequence[str] = COLOURS,
    source: Literal["features", "waveform"] = "features",
    unseen: bool = False,
) -> tuple[Evaluation, ClipPredictions]:
    """Run a model file on the test split: .tflite in TensorFlow Lite Micro, .onnx in ONNX Runtime, .safetensors in torch, a
    folder of C as a program of this machine.

    Args:
        ws: Data, settings, cache, device.
        model: The file.
        runtime: Another runtime, a name or an object; `litert-ref` runs a .tflite in LiteRT's reference kernels.
            None: the usual one.
        snrs: Signal-to-noise ratios, dB. The test split is run again with noise of each source at each ratio.
        sources: Sources of noise, see `audio.noise.open_noise`. The noise is drawn by the settings' seed.
        source: `features`: the log-mel is hwasc's own; `waveform`: the model's, in a runtime that has one.
        unseen: The caller vouches that a model whose training clips are not recorded was trained on none of these clips.

    Returns:
        Metrics with and without noise, of the clips at locations that the model was neither trained on nor chosen by; and what it
        says of each of these clips as recorded.

    Raises:
        UsageError: The model is for other classes, the runtime for other files or has no front end, or the model knows all
            locations.
        DataError: The file was not written by hwasc, or the record of its training clips is missing.
    """
    noises = [open_noise(source, snr, ws.settings.seed) for source in sources for snr in snrs]
    opened = choose(model, runtime).open(model, device=ws.device, workers=ws.workers)
    if source == "waveform" and opened.predict_waves is None:
        raise UsageError(
            f"{model}: {opened.runtime} takes features, no waveforms; export --format c has a front end of its own"
        )
    check_data_named(training_clips.read_metadata(opened.metadata, model), ws, str(model))
    ws = _in_order_of(opened, ws)
    provenance = {"classes": list(opened.classes)}
    check_classes(ArchitectureFile(opened.architecture, provenance=provenance, path=model), ws)
    fitted = _fit(opened.architecture, model)
    known = _known(opened, model, ws, unseen=unseen)
    ws, clips = measured(ws, [known] if known else [], "test", what=str(model), certain=known is not None)
    train_devices = sorted({c.device for c in ws.dataset.train})

    def run(noise: Noise | None) -> ClipPredictions:
        what = _named(noise)
        change = AddedNoise(noise) if noise else None
        with ws.reporter.stage(what):
            features = ws.features(ws.dataset.test, opened.architecture.front_end, what, change=change, minor=False)
            with ws.reporter.track(f"running in {opened.runtime}", len(features)) as update:
                if source == "waveform" and opened.predict_waves:
                    waves = read_waves(features.clips, opened.architecture.front_end.sample_rate, change)
                    logits = opened.predict_waves(waves, update)
                else:
                    logits = opened.predict(features, update)
        return ClipPredictions(root=ws.dataset.root, features=features, logits=logits)

    def measure(found: ClipPredictions) -> Metrics:
        return measure_logits(found.logits, found.features, train_devices)

    with ws.reporter.plan([Stage(_named(noise), len(ws.dataset.test), parts=(1.0, 1.0)) for noise in (None, *noises)]):
        predictions = run(None)
        noisy = tuple(NoisyMetrics(noise=n.source, snr=n.snr, metrics=measure(run(n))) for n in noises)
    result = Evaluation(
        model=str(model),
        runtime=f"{opened.runtime}, from waveforms" if source == "waveform" else opened.runtime,
        architecture=opened.architecture.id,
        classes=opened.classes,
        measured=clips,
        metrics=measure(predictions),
        noisy=noisy,
        fit=fitted,
        file=model.stat().st_size if model.is_file() else None,
    )
    return result, predictions


def _named(noise: Noise | None) -> str:
    return f"test, {noise.source} noise at {noise.snr:g} dB" if noise else "test"


def _in_order_of(opened: OpenedModel, ws: Workspace) -> Workspace:
    """The data with the model's classes, where a folder that is not split has only some of them."""
    d = ws.dataset
    if not d.whole or not set(d.classes) <= set(opened.classes):
        return ws
    return replace(ws, source=DataSource.of(ws.source, replace(d, classes=opened.classes)))


def _known(opened: OpenedModel, model: Path, ws: Workspace, *, unseen: bool) -> TrainingClips | None:
    """What the model was trained on and chosen by; None where the caller vouches for what is not known."""
    try:
        record = record_of(opened.metadata, model, ws.cache)
    except DataError:
        if not unseen:
            raise
        record = None
    if record is None and not unseen:
        raise DataError(
            f"{model}: does not say which clips it was trained on, so a figure may be of these; say with --unseen that it was "
            "trained on none of them"
        )
    return record


def _fit(architecture: Architecture, model: Path) -> Fit:
    """The costs beside the budget of the search; without limits where no record of the same architecture lies beside the file."""
    file, budget = model.with_name("architecture.json"), None
    with contextlib.suppress(UsageError):  # no such file, or one of something else
        record = architectures.load(file)
        if record.architecture == architecture:
            budget = budget_of(record.provenance, str(file))
    return fit(architecture, resolve(budget) if budget else None)
