"""The files of the export as a page."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hwasc import __version__
from hwasc.cost import measure
from hwasc.deploy import onnx_qcdq
from hwasc.deploy.export_folders import to_record
from hwasc.deploy.web.figures import accuracy_text
from hwasc.deploy.web.front_end_tables import front_end_tables
from hwasc.deploy.web.options import WebOptions
from hwasc.deploy.web.readme import readme_text
from hwasc.deploy.web.runtime_files import runtime_files
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.bounded import MIB, read_bytes
from hwasc.records.leftovers import temporary_folder
from hwasc.records.training_clips import TrainingClips

SITE = Path(__file__).parent / "site"
ABOUT = "export.json"
CARD = "model_card.md"


def to_files(
    model: Student, classes: tuple[str, ...], options: WebOptions, *, clips: TrainingClips | None = None
) -> dict[str, bytes]:
    """Make the files of an export. The same arguments give the same bytes.

    Args:
        model: A quantized student.
        classes: Scenes in the order of the logits.
        options: Of the format.
        clips: The recordings that it was trained on and chosen by.

    Returns:
        Contents by path within the folder.

    Raises:
        UsageError: ONNX Runtime for browsers is not there.
        DataError: It, or the result of the distillation, is damaged.
    """
    runtime = runtime_files(options.onnxruntime_web)
    front_end = model.architecture.front_end
    filters, tables = front_end_tables(front_end)
    card = options.run / CARD if options.run else None
    about = {
        "architecture": model.architecture.id,
        "parameters": measure(model.architecture).parameters,
        "classes": classes,
        "front_end": front_end,
        "filters": filters,
        "accuracy": accuracy_text(options.run) if options.run else None,
        "card": card is not None and card.is_file(),
        "hwasc": __version__,
        "onnxruntime_web": runtime.version,
    }
    files = {
        **{path.name: path.read_bytes() for path in sorted(SITE.iterdir())},
        **{f"onnxruntime/{name}": content for name, content in runtime.files.items()},
        "student.onnx": _onnx(model, classes, clips),
        "front_end.bin": tables,
        "model.json": schema.canonical(about).encode() + b"\n",
        "README.md": readme_text(model.architecture, classes, runtime.version).encode(),
        **({CARD: read_bytes(card, "model card", MIB)} if card and card.is_file() else {}),
    }
    return {**files, ABOUT: to_record("web", files, onnxruntime_web=runtime.version)}


def _onnx(model: Student, classes: tuple[str, ...], clips: TrainingClips | None) -> bytes:
    with temporary_folder("hwasc-web-", Path(tempfile.gettempdir())) as folder:
        return onnx_qcdq.export(model, folder / "student.onnx", classes, clips=clips).read_bytes()
