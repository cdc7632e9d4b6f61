"""Format `c`: a folder of C99 from microphone to class, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwasc.deploy.exporters import Planner
from hwasc.deploy.firmware import folder
from hwasc.deploy.firmware.options import FirmwareOptions
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.bounded import MIB, read_bytes
from hwasc.records.leftovers import temporary_folder
from hwasc.records.training_clips import FILE as CLIPS
from hwasc.records.training_clips import TrainingClips

ABOUT_BYTES = 1 * MIB


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
        refuse_foreign(out)
        reference = clips.reference if clips else None
        files = folder.to_files(model, classes, options or FirmwareOptions(), clips=reference)
        out.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(f".{out.name}.new-", out.parent) as beside:
            made = beside / "new"
            for name, content in files.items():
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_bytes(content)
            if out.exists():
                os.rename(out, beside / "old")
            os.rename(made, out)
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
            f"a decision each {1000 * hop / rate:.4g} ms ({hop:,} samples, {hop // frame} frames)",
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


def read_about(out: Path) -> Mapping[str, Any]:
    """Read what an export says of itself.

    Args:
        out: The folder.

    Returns:
        `hwasc`, `tag`, `options`, `files` and, where it is known, `clips`.

    Raises:
        DataError: It is no export in C, or damaged.
    """
    path = out / folder.ABOUT
    try:
        found = schema.parse_json(read_bytes(path, "record of a C export", ABOUT_BYTES), str(path))
    except HwascError as e:
        raise DataError(f"{e}; expected a folder that `hwasc export --format c` wrote") from None
    known = isinstance(found, dict) and found.get("format") == "c" and found.get("schema") == 1
    if not known or not all(isinstance(found.get(key), dict) for key in ("options", "files")):
        raise DataError(f"{path}: is no record of a C export of this version; export again")
    return dict(found)


def refuse_foreign(out: Path) -> None:
    """Refuse to replace what is no export, or was changed since.

    Args:
        out: The folder that is to be written.

    Raises:
        UsageError: It is a file, or holds something that the export would take away.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"{out}: is a file, but the C source is a folder; name another --out")
    present = sorted(p for p in out.rglob("*") if not p.is_dir())
    if not present:
        if any(out.iterdir()):
            raise UsageError(f"{out}: holds folders, which are no part of an export; name a new folder")
        return
    try:
        files = read_about(out)["files"]
    except DataError:
        raise UsageError(f"{out}: holds {present[0].name}, which is no part of an export; name a new folder") from None
    for path in present:
        name = path.relative_to(out).as_posix()
        if name in (folder.ABOUT, CLIPS):
            continue
        if name not in files:
            raise UsageError(f"{out}: holds {name}, which is no part of an export; name a new folder")
        if path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != files[name]:
            raise UsageError(f"{out}: {name} was changed since the export; name a new folder")
