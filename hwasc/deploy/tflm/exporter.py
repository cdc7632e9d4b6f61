"""Format `tflm`: a folder with a quantized student as C++ for TensorFlow Lite Micro, written whole or not at all."""

from __future__ import annotations

import re
from pathlib import Path

from hwasc.deploy.export_folders import refuse_foreign, to_record, write_folder
from hwasc.deploy.exporters import Planner
from hwasc.deploy.tflm.folder import to_texts
from hwasc.deploy.tflm.options import TflmOptions
from hwasc.models.student import Student
from hwasc.records.training_clips import TrainingClips

ABOUT = "export.json"


class TflmExporter:
    """Format `tflm`, a folder.

    Attributes:
        suffix: Empty: it is a folder.
        planners: Memory plans of the model file in it.
        options: See `Exporter`.
    """

    suffix: str = ""
    planners: tuple[Planner, ...] = ("greedy", "offline")
    options = TflmOptions

    def export(
        self,
        model: Student,
        out: Path,
        classes: tuple[str, ...],
        planner: Planner = "greedy",
        *,
        clips: TrainingClips | None = None,
        options: TflmOptions | None = None,
    ) -> Path:
        """Write the folder, see `Exporter.export`.

        Args:
            model: A quantized student.
            out: The folder. It may hold an earlier export, which is replaced.
            classes: Scenes in the order of the logits.
            planner: The memory plan of the model file.
            clips: The recordings that it was trained on and chosen by; the header names the record.
            options: Of the format; None: all defaults.

        Returns:
            The folder.

        Raises:
            UsageError: The path is a file, or a folder with files that are no export's, or its name is none for C++.
        """
        refuse_foreign(out, ABOUT, "tflm")
        chosen = options or TflmOptions()
        texts = to_texts(model, classes, planner, name=chosen.model_name(out), options=chosen, clips=clips)
        contents = {name: text.encode() for name, text in texts.items()}
        write_folder(out, {**contents, ABOUT: to_record("tflm", contents)})
        return out

    def summary(self, out: Path) -> tuple[str, ...]:
        """Lines for people on what was written.

        Args:
            out: The folder.

        Returns:
            The arena by kernels.
        """
        header = next(path for path in out.glob("*.h") if not path.stem.endswith("_operators")).read_text()
        sizes = re.findall(r"kArenaBytes\w+ = .*?(\d+);  // (.*), head", header)
        chosen = re.search(r"// as exported: --kernels (\S+)", header)
        return (
            "arena on a 32-bit chip: " + ", ".join(f"{int(size):,} B with {who}" for size, who in sizes),
            f"kArenaBytes: {f'that of {chosen[1]}' if chosen else 'chosen by the compiler; --kernels names one'}",
        )


EXPORTER = TflmExporter()
