"""Format `web`: a folder with a page that runs the int8 student in a browser, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from hwasc.deploy.export_folders import read_record, refuse_foreign, write_folder
from hwasc.deploy.exporters import Planner
from hwasc.deploy.web.folder import ABOUT, to_files
from hwasc.deploy.web.options import WebOptions
from hwasc.deploy.web.runtime_files import TESTED
from hwasc.models.student import Student
from hwasc.records.training_clips import TrainingClips


class WebExporter:
    """Format `web`, a folder.

    Attributes:
        suffix: Empty: it is a folder.
        planners: Memory plans that can be asked for; the folder holds none.
        options: See `Exporter`.
    """

    suffix: str = ""
    planners: tuple[Planner, ...] = ("greedy",)
    options = WebOptions

    def export(
        self,
        model: Student,
        out: Path,
        classes: tuple[str, ...],
        planner: Planner = "greedy",
        *,
        clips: TrainingClips | None = None,
        options: WebOptions | None = None,
    ) -> Path:
        """Write the folder, see `Exporter.export`.

        Args:
            model: A quantized student.
            out: The folder. It may hold an earlier export, which is replaced.
            classes: Scenes in the order of the logits.
            planner: Not used.
            clips: The recordings that it was trained on and chosen by.
            options: Of the format; None: all defaults.

        Returns:
            The folder.

        Raises:
            UsageError: The path is a file, or a folder with files that are no export's, or ONNX Runtime for browsers is not
                there.
            DataError: ONNX Runtime for browsers, or the result of the distillation, is damaged.
        """
        refuse_foreign(out, ABOUT, "web")
        write_folder(out, to_files(model, classes, options or WebOptions(), clips=clips))
        return out

    def summary(self, out: Path) -> tuple[str, ...]:
        """Lines for people on what was written.

        Args:
            out: The folder.

        Returns:
            The version of ONNX Runtime, and how to open the page.
        """
        version = read_record(out, ABOUT, "web")["onnxruntime_web"]
        tested = "the version that is tested" if version == TESTED else f"tested is {TESTED}"
        return (
            f"ONNX Runtime Web {version}, {tested}",
            f"to open it: python -m http.server --bind 127.0.0.1 --directory {out}",
        )


EXPORTER = WebExporter()
