"""Format `c`: a folder of C99 from microphone to class, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from hwasc.deploy.export_folders import refuse_foreign, write_folder
from hwasc.deploy.exporters import Planner
from hwasc.deploy.firmware import folder
from hwasc.deploy.firmware.options import FirmwareOptions
from hwasc.models.student import Student
from hwasc.records.training_clips import TrainingClips


class FirmwareExporter:
    """Format `c`, a folder.

    Attributes:
        suffix: Empty: it is a folder.
        planners: The plan of a net that runs row by row is its own; `greedy` stands for it.
        options: See `Exporter`.
    """

    suffix: str = ""
    planners: tuple[Planner, ...] = ("greedy",)
    options = FirmwareOptions

    def export(
        self,
        model: Student,
        out: Path,
        classes: tuple[str, ...],
        planner: Planner = "greedy",
        *,
        clips: TrainingClips | None = None,
        options: FirmwareOptions | None = None,
    ) -> Path:
        """Write the folder, see `Exporter.export`.

        Args:
            model: Quantized, and calibrated or trained.
            out: The folder. It may hold an earlier export, which is replaced.
            classes: Names in the order of the logits.
            planner: Not used.
            clips: The recordings that it was trained on and chosen by.
            options: Of the format; None: all defaults.

        Returns:
            The folder.

        Raises:
            UsageError: The path is a file, or a folder with files that are no export's, or the net is beyond the C code.
        """
        refuse_foreign(out, folder.ABOUT, "c")
        reference = clips.reference if clips else None
        files = folder.to_files(model, classes, options or FirmwareOptions(), clips=reference)
        write_folder(out, files)
        return out

    def summary(self, out: Path) -> tuple[str, ...]:
        """Lines for people on what was written.

        Args:
            out: The folder.

        Returns:
            RAM, decisions, arithmetic.
        """
        macros = read_macros(out)
        rate, hop, frame = (int(macros[f"SCENE_{name}"]) for name in ("SAMPLE_RATE", "DECISION_HOP", "HOP"))
        arithmetic = "integers only" if macros["SCENE_INTEGER"] == "1" else "single precision"
        return (
            f"RAM {int(macros['SCENE_STATE_BYTES']):,} B from microphone to class, and the stack; log-mel in {arithmetic}",
            f"a decision each {1000 * hop / rate:.4g} ms ({hop:,} samples, {hop // frame} frame{'s' if hop > frame else ''})",
        )


EXPORTER = FirmwareExporter()


def read_macros(out: Path) -> dict[str, str]:
    """Read the numbers of an export's `scene_model.h`.

    Args:
        out: The folder.

    Returns:
        Values as text, by name.
    """
    lines = (out / folder.HEADER).read_text().splitlines()
    words = (line.split(None, 2) for line in lines if line.startswith("#define "))
    return {w[1]: w[2] for w in words if len(w) == 3}
