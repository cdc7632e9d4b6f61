"""Using a finished model: classify recordings, arrays, and sound as it comes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hwasc.audio.reading import AUDIO_SUFFIXES
from hwasc.errors import DataError, UsageError
from hwasc.progress import Reporter

if TYPE_CHECKING:
    from hwasc.deploy.runtimes import Runtime
    from hwasc.students.classifier import Classifier
    from hwasc.students.prediction import Predictions
    from hwasc.students.result import DistillResult

RUN_MODEL = "int8.safetensors"  # of a run folder


def load(
    model: DistillResult | str | Path, *, runtime: str | Runtime | None = None, device: str = "auto", workers: int = 1
) -> Classifier:
    """Open a model to classify sound with it.

    Args:
        model: `student.tflite`, `student.onnx`, `int8.safetensors`, `float.safetensors`, the folder of an export in C; or what
            `hwasc.distill` gave, or its run folder, for its `int8.safetensors`.
        runtime: What runs it, a name or an object; None: the usual one, see `hwasc.evaluate`.
        device: Where torch runs .safetensors: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        workers: Processes that run a .tflite or a folder of C.

    Returns:
        The classifier.

    Raises:
        UsageError: There is no such model or runtime.
        DataError: hwasc did not write the file, or it is damaged.

    Example:
        >>> scene = hwasc.load("student.tflite").predict("street.wav").scene  # doctest: +SKIP
    """
    from hwasc.deploy.runtimes import choose
    from hwasc.parallel.device import pick_device
    from hwasc.students.classifier import Classifier

    path = Path(model) if isinstance(model, (str, Path)) else model.run
    if path.is_dir() and (path / RUN_MODEL).is_file():
        path = path / RUN_MODEL
    return Classifier(path, choose(path, runtime).open(path, device=pick_device(device), workers=workers))


def predict(
    model: Classifier | DistillResult | str | Path,
    sources: Sequence[str | Path],
    *,
    every: float | None = None,
    csv: str | Path | None = None,
    html: str | Path | None = None,
    reporter: Reporter | None = None,
) -> Predictions:
    """Classify recordings. Files that cannot be read are named in the result, and the rest goes on.

    Args:
        model: What `load` gave, or takes.
        sources: Recordings, and folders of which all recordings are taken.
        every: From the start of a window to that of the next, s; None: windows side by side, as long as the model's clips.
        csv: A table of all windows that is written.
        html: A page that is written: the scenes over time, with spectrograms.
        reporter: Shows the progress; None: nothing is shown.

    Returns:
        The scene of each recording and of each window.

    Raises:
        UsageError: A source is missing, or the step is not positive.
        DataError: Nothing could be classified.
    """
    from hwasc.records.outputs import check_output_file
    from hwasc.records.run import environment
    from hwasc.records.writing import write_whole
    from hwasc.students.classifier import Classifier

    files = recordings(sources)
    check_output_file(csv, "--csv")
    check_output_file(html, "--html")
    opened = model if isinstance(model, Classifier) else load(model)
    result = opened.predict_files(files, every=every, reporter=reporter)
    if not result.files:
        first = result.skipped[0]
        others = f" and {len(result.skipped) - 1} more" if len(result.skipped) > 1 else ""
        raise DataError(f"nothing could be classified: {first.file} ({first.reason}){others}")
    if csv is not None:
        result.write_csv(csv)
    if html is not None:
        from hwasc.report.predicting import prediction_report

        write_whole(Path(html), prediction_report(result, opened.opened.architecture.front_end, environment()))
    return result


def recordings(sources: Sequence[str | Path]) -> list[Path]:
    """Find recordings.

    Args:
        sources: Files, of any name; and folders, of which all files with the name of a recording are taken, by name.

    Returns:
        The files, each once.

    Raises:
        UsageError: A source does not exist, or a folder has no recording.
    """
    found: dict[Path, None] = {}
    for source in map(Path, sources):
        if source.is_dir():
            inside = sorted(
                Path(folder) / name
                for folder, _, names in os.walk(source)
                for name in names
                if Path(name).suffix.lower() in AUDIO_SUFFIXES and not name.startswith(".")
            )
            if not inside:
                raise UsageError(f"{source}: has no recordings ({', '.join(sorted(AUDIO_SUFFIXES)[:6])} ...)")
            found |= dict.fromkeys(inside)
        elif source.exists():
            found[source] = None
        else:
            raise UsageError(f"{source}: there is no such file or folder")
    return list(found)
