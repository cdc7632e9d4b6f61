"""The initial weights of a student: those that a search wrote beside its winner, where they may be used, or random ones."""

from __future__ import annotations

from torch import Tensor

from hwasc.errors import UsageError
from hwasc.records.architecture import ArchitectureFile, InitialWeights
from hwasc.records.bounded import sha256
from hwasc.training.weights import load_weights
from hwasc.workspace import Workspace


def initial_weights(ws: Workspace, record: ArchitectureFile) -> InitialWeights | None:
    """Decide which weights a student of an architecture file starts from.

    The file's weights are used only if they were trained on the same clips with the same splits, and if the student has
    teachers. Where they are not used, a line of the progress report says why.

    Args:
        ws: The data and settings of the distillation.
        record: The architecture file; its weights lie beside it.

    Returns:
        The record of the weights, or None for random weights.

    Raises:
        UsageError: The file of weights is missing, or has another content.
    """
    weights, file, d = record.weights, record.weights_path, ws.settings.distill
    if weights is None or file is None or d.initial_weights == "random":
        return None
    if d.alpha == 0 or weights.dataset != ws.fingerprint:
        why = "with teachers, and distill.alpha is 0" if d.alpha == 0 else "on other clips"
        ws.reporter.say(f"the student starts from random weights: those of the search were trained {why}")
        return None
    advice = "put back what the search wrote, or start from random weights with --initial-weights random"
    if not file.is_file():
        raise UsageError(f"{record}: the weights {weights.file} are not beside it; {advice}")
    if sha256(file).hexdigest() != weights.sha256:
        raise UsageError(f"{file}: not the weights that {record} names (SHA-256 differs); {advice}")
    return weights


def read_initial_weights(record: ArchitectureFile) -> dict[str, Tensor]:
    """Read the weights that an architecture file names."""
    assert record.weights_path is not None
    return load_weights(record.weights_path)
