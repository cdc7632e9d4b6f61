"""Whether a student starts from the weights that a search wrote beside its winner, and their reading."""

from __future__ import annotations

import hashlib

from torch import Tensor

from hwasc.errors import UsageError
from hwasc.records.architecture import ArchitectureFile, InitialWeights
from hwasc.training.weights import load_weights
from hwasc.workspace import Workspace


def initial_weights(ws: Workspace, record: ArchitectureFile) -> InitialWeights | None:
    """The weights that a student of this architecture file starts from.

    They are used only if they were trained on these very clips, by these splits, and if teachers are asked for. A line says
    why where a file names weights that are not used.

    Args:
        ws: The data and settings of the distillation.
        record: The architecture file; the weights lie beside it.

    Returns:
        What the file says of the weights, or None for random ones.

    Raises:
        UsageError: The file beside it is gone, or is another one.
    """
    named, file, d = record.weights, record.weights_path, ws.settings.distill
    if named is None or file is None or d.initial_weights == "random":
        return None
    if d.alpha == 0 or named.dataset != ws.dataset.fingerprint:
        why = "with teachers, and distill.alpha is 0" if d.alpha == 0 else "on other clips"
        ws.reporter.say(f"the student starts from random weights: those of the search were trained {why}")
        return None
    advice = "put back what the search wrote, or start anew with --initial-weights random"
    if not file.is_file():
        raise UsageError(f"{record}: the weights {named.file} are not beside it; {advice}")
    if hashlib.sha256(file.read_bytes()).hexdigest() != named.sha256:
        raise UsageError(f"{file}: not the weights that {record} names (SHA-256 differs); {advice}")
    return named


def read_initial_weights(record: ArchitectureFile) -> dict[str, Tensor]:
    """The tensors of the weights that an architecture file names."""
    assert record.weights_path is not None
    return load_weights(record.weights_path)
