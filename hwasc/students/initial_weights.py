"""Whether a student starts from the weights that a search wrote beside its winner, and their reading."""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import Tensor

from hwasc.errors import UsageError
from hwasc.records.architecture import ArchitectureFile, InitialWeights
from hwasc.training.weights import load_weights
from hwasc.workspace import Workspace


def initial_weights(ws: Workspace, record: ArchitectureFile, path: Path | str) -> InitialWeights | None:
    """The weights that a student of this architecture file starts from.

    They are used only if they were trained on these very clips, by these splits, and if teachers are asked for. A line says
    why where a file names weights that are not used.

    Args:
        ws: The data and settings of the distillation.
        record: The architecture file, as read.
        path: Where it lies; the weights lie beside it.

    Returns:
        What the file says of the weights, or None for random ones.

    Raises:
        UsageError: The file beside it is gone, or is another one.
    """
    named, d = record.weights, ws.settings.distill
    if named is None or d.initial_weights == "random":
        return None
    if d.alpha == 0 or named.dataset != ws.dataset.fingerprint:
        why = "teachers, and distill.alpha is 0" if d.alpha == 0 else "other clips"
        ws.reporter.say(f"the student starts from random weights: those of the search learned from {why}")
        return None
    file = Path(path).with_name(named.file)
    advice = "put back what the search wrote, or start anew with --initial-weights random"
    if not file.is_file():
        raise UsageError(f"{path}: the weights {named.file} are not beside it; {advice}")
    if hashlib.sha256(file.read_bytes()).hexdigest() != named.sha256:
        raise UsageError(f"{file}: not the weights that {path} names (SHA-256 differs); {advice}")
    return named


def read_initial_weights(named: InitialWeights, path: Path | str) -> dict[str, Tensor]:
    """The tensors of what `initial_weights` found beside the architecture file `path`."""
    return load_weights(Path(path).with_name(named.file))
