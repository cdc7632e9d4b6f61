"""Students: distil one, evaluate a model file, export one for a runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hwasc.api.inputs import ArchitectureLike, TeacherLike, as_architecture, check_rate
from hwasc.api.teachers import with_teachers
from hwasc.records.outputs import check_output_file, check_output_folder
from hwasc.records.run import environment
from hwasc.records.schema import write_whole

if TYPE_CHECKING:
    from hwasc.deploy.runtimes import Runtime
    from hwasc.students.evaluation import Evaluation
    from hwasc.students.result import DistillResult
    from hwasc.workspace import Workspace

FOLDER_RECORD = "scene.json"  # in the folder of an export in C


def distill(
    ws: Workspace,
    architecture: ArchitectureLike,
    *,
    run: str | Path | None = None,
    teachers: Sequence[TeacherLike] | None = None,
    initial_weights: Literal["winner", "random", "both"] | None = None,
    weights: str | Path | None = None,
    training: bool = True,
    unseen: bool = False,
    per_device: bool = False,
    embed: int = 0,
    track: str | None = None,
) -> DistillResult:
    """Train an architecture in full, quantize it, export it, and measure it on the test split at the end.

    Args:
        ws: What `hwasc.open` gave.
        architecture: A search's `best`, an object, a preset's name, `best.json`, a search's run folder, or any trial of it:
            `runs/search:7`.
        run: The run folder. The same call resumes there. None: `runs/distill`, or a numbered one where that holds another run.
        teachers: All of them: names of the settings' members, or of families; families (`hwasc.models.teachers.Family`) and
            members as objects. None: the settings'.
        initial_weights: `winner`: the weights that a search wrote beside its winner, if they fit; `random`; `both`: a float
            training from each, and the better one on validation clips goes on; None: the settings'.
        weights: A file of float weights to start from: hwasc's `float.safetensors`, or a published checkpoint (.pt or .pth of
            tensors alone) whose tensors are the net's in order. None: as `initial_weights` says.
        training: False: the given weights are only quantized, calibrated on training clips, exported and measured.
        unseen: Whether you vouch that none of these clips were used by a search, a teacher or given weights whose record of
            clips is missing.
        per_device: Whether a copy of the student is fine-tuned for each recording device with enough clips (`devices` of the
            result). Other devices keep the general student.
        embed: Copies of the sound of so many clips are put into the report, the surest mistakes first; the others link to their
            files. The terms of some data sets, TAU's among them, forbid passing such a page on.
        track: `tensorboard`, `mlflow` or `wandb` show losses and accuracies while the student is trained.

    Returns:
        Metrics and costs of the student, and its files. The run folder also holds `report.html`, `model_card.md`, and
        `predictions.csv` with what the int8 student says of each test clip.

    Raises:
        UsageError: The architecture is for other data, or the run folder holds another configuration.
        HwascError: The exported ONNX model and the student disagree.

    Example:
        >>> student = hwasc.distill(ws, found.best, run="runs/s")  # doctest: +SKIP
        >>> student.test.int8.accuracy, student.costs.arena  # doctest: +SKIP
    """
    from hwasc.nas.trial_files import parse_trial, trial_with_weights
    from hwasc.report.mistakes import mistakes
    from hwasc.report.model_card import model_card
    from hwasc.report.reports import distill_report
    from hwasc.students import clip_predictions, distillation
    from hwasc.students.given_weights import check_asked

    if run is not None:
        check_output_folder(run, "--run")
    # a wrong name is refused before the classes are read from the data
    check_rate(as_architecture(architecture), ws.settings.data.sample_rate)
    weights = None if weights is None else Path(weights)
    check_asked(weights, training=training, per_device=per_device)
    ws = with_teachers(ws, teachers)
    if initial_weights is not None:
        ws = replace(ws, settings=ws.settings.changed({"distill.initial_weights": initial_weights}))
    trial = parse_trial(str(architecture)) if isinstance(architecture, (str, Path)) else None
    if trial and ws.settings.distill.initial_weights != "random":
        record = trial_with_weights(ws, *trial)
    else:
        record = as_architecture(architecture, classes=len(ws.classes))
    result, predictions = distillation.distill(
        ws,
        record,
        run=None if run is None else Path(run),
        weights=weights,
        training=training,
        unseen=unseen,
        per_device=per_device,
        track=track,
    )
    page = result.run / "report.html"
    shown = mistakes(predictions, page, result.run / clip_predictions.FILE, embed=embed)
    write_whole(page, distill_report(result, shown))
    write_whole(result.run / "model_card.md", model_card(result, record.provenance))
    distillation.check_onnx(result)
    return result


def evaluate(
    ws: Workspace,
    model: DistillResult | str | Path,
    *,
    runtime: str | Runtime | None = None,
    snrs: Sequence[float] = (),
    noise: Sequence[str] = ("white", "pink"),
    csv: str | Path | None = None,
    html: str | Path | None = None,
    embed: int = 0,
    source: Literal["features", "waveform"] = "features",
    unseen: bool = False,
) -> Evaluation:
    """Measure a model file on the test split, as recorded and with noise.

    Clips at locations that the model was trained on or chosen by are left out, whatever splits were drawn this time. To measure
    it on a folder that is all new, open that with `hwasc.open(folder, split="all")`.

    Args:
        ws: What `hwasc.open` gave.
        model: `student.tflite`, `student.onnx`, `int8.safetensors` or `float.safetensors`; or what `hwasc.distill` gave, or its
            run folder, for its `int8.safetensors`; or the folder of an export in C.
        runtime: What runs it, a name or an object (`hwasc.deploy.runtimes.Runtime`); None: TensorFlow Lite Micro for
            .tflite, ONNX Runtime for .onnx, torch for .safetensors, the system's compiler for a folder of C.
        snrs: Signal-to-noise ratios in dB, each measured again with noise added to the clips' waveforms.
        noise: Its sources: `white`, `pink`, or folders of recordings.
        csv: A table that is written: what the model says of each clip. None: where a page is written, beside it, as
            `<page>.predictions.csv`.
        html: A page that is written.
        embed: Copies of the sound of so many clips are put into the page, see `distill`.
        source: What the model gets: `features`, which hwasc computes, or the `waveform`, for a folder of C, whose log-mel is
            measured with it.
        unseen: Whether you vouch that a model whose training clips are not recorded was trained on none of these clips.

    Returns:
        Metrics by scene, device and group; `measured` says of which clips.

    Raises:
        UsageError: The model is for other classes than the data, the runtime does not run such files, or the model knows all
            locations of the split.
        DataError: hwasc did not write the file, or the record of its training clips is missing.
    """
    from hwasc.students import clip_predictions, evaluation

    check_output_file(html, "--html")
    is_source = isinstance(model, (str, Path)) and (Path(model) / FOLDER_RECORD).is_file()
    path = Path(model) if is_source else _weights(model)  # type: ignore[arg-type]
    result, predictions = evaluation.evaluate(
        ws, path, runtime=runtime, snrs=snrs, sources=noise, source=source, unseen=unseen
    )
    table = clip_predictions.beside(html) if csv is None and html is not None else csv
    if table is not None:
        predictions.write_csv(Path(table))
    if html is not None and table is not None:
        from hwasc.report.mistakes import mistakes
        from hwasc.report.reports import evaluation_report

        shown = mistakes(predictions, Path(html), Path(table), embed=embed)
        write_whole(Path(html), evaluation_report(result, environment(), shown))
    return result


def export(
    student: DistillResult | str | Path,
    path: str | Path,
    *,
    format: str | None = None,
    planner: Literal["greedy", "offline"] = "greedy",
    **options: Any,
) -> Path:
    """Write an int8 student for a runtime.

    Args:
        student: What `hwasc.distill` gave, its run folder, or its `int8.safetensors`.
        path: The file, or the folder of a format that is one.
        format: `onnx`, `tflite`, `c` (C source from microphone to class), `tflm` (C++ source for TensorFlow Lite Micro),
            `web` (a page that runs it in a browser) or another known one; None: what `path` ends with.
        planner: The memory plan of a .tflite: the interpreter's own, or an optimised one in the file.
        **options: Of the format. `c` takes `hop` (from decision to decision, e.g. "250ms"), `target` (e.g. "cortex-m4"),
            `arithmetic` ("float" or "integer") and `smoothing` (share of earlier decisions). `tflite` takes `patches` (frequency
            patches that need less memory: a number, or "auto"). `web` takes `onnxruntime_web` (a copy of the npm package) and
            `run` (the run folder whose accuracy and model card it shows; by default that of the weights).

    Returns:
        What was written.

    Raises:
        UsageError: The weights are no quantized student's, or the format is unknown, cannot hold it or has no such option.
    """
    from hwasc.deploy import exporting

    return exporting.export(_weights(student), Path(path), format=format, planner=planner, **options)


def _weights(student: DistillResult | str | Path) -> Path:
    """The file itself, or the int8 weights of a result or a run folder."""
    from hwasc.students.result import DistillResult

    path = student.run if isinstance(student, DistillResult) else Path(student)
    return path / "int8.safetensors" if path.is_dir() else path
