"""Format `tflm`: a folder with a quantized student as C++ for TensorFlow Lite Micro, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from hwasc import __version__
from hwasc.deploy.exporters import Planner
from hwasc.deploy.tflm.folder import to_texts
from hwasc.deploy.tflm.options import TflmOptions
from hwasc.errors import HwascError, UsageError
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.bounded import MIB, read_bytes
from hwasc.records.leftovers import temporary_folder
from hwasc.records.training_clips import FILE as CLIPS
from hwasc.records.training_clips import TrainingClips

ABOUT, ABOUT_BYTES = "export.json", 1 * MIB


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
        refuse_foreign(out)
        chosen = options or TflmOptions()
        texts = to_texts(model, classes, planner, name=chosen.model_name(out), options=chosen, clips=clips)
        contents = {name: text.encode() for name, text in texts.items()}
        out.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(f".{out.name}.new-", out.parent) as beside:
            made = beside / "new"
            for name, content in {**contents, ABOUT: _about(contents)}.items():
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
        raise UsageError(f"{out}: is a file, but the C++ source is a folder; name another --out")
    present = sorted(p for p in out.rglob("*") if not p.is_dir())
    files = _files(out)
    for path in present:
        name = path.relative_to(out).as_posix()
        if name in (ABOUT, CLIPS) and files:
            continue
        if name not in files:
            raise UsageError(f"{out}: holds {name}, which is no part of an export; name a new folder")
        if path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != files[name]:
            raise UsageError(f"{out}: {name} was changed since the export; name a new folder")


def _files(out: Path) -> Mapping[str, str]:
    """Hashes of an export's files by name; none where it is no export."""
    path = out / ABOUT
    if not path.is_file():
        return {}
    try:
        found = schema.parse_json(read_bytes(path, "record of an export", ABOUT_BYTES), str(path))
    except HwascError:
        return {}
    files = found.get("files") if isinstance(found, dict) and found.get("format") == "tflm" else None
    return dict(files) if isinstance(files, dict) else {}


def _about(contents: Mapping[str, bytes]) -> bytes:
    about = {
        "schema": 1,
        "format": "tflm",
        "hwasc": __version__,
        "files": {name: hashlib.sha256(contents[name]).hexdigest() for name in sorted(contents)},
    }
    return (json.dumps(about, indent=2) + "\n").encode()
