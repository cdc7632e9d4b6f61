"""The weights that a search writes beside its winner, for a distillation to start from.

A slice of a supernet has learned with all other candidates what a student of its size takes long to learn alone; see
`experiments/search/training_of_found_nets.md` for what starting there brings.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from hwasc.errors import UsageError
from hwasc.nas.job import Proposal
from hwasc.nas.refinement import weights as refined_weights
from hwasc.nas.scoring import Scoring, candidate
from hwasc.nas.trial import Refined
from hwasc.records import architecture as architectures
from hwasc.records import schema
from hwasc.records.architecture import ArchitectureFile, InitialWeights
from hwasc.training.weights import save_weights
from hwasc.workspace import Workspace


def write_winner_weights(
    ws: Workspace, scoring: Scoring, winner: Proposal, *, refined: Refined | None, path: Path
) -> InitialWeights | None:
    """Write the winner's float weights: the refined net's, or its slice of the supernet, batch norm set on training clips.

    Args:
        ws: Data and device.
        scoring: Where the supernet lies.
        winner: The candidate that won.
        refined: The refined net that takes its place.
        path: The file that is written.

    Returns:
        What an architecture file says of these weights. None, and no file, where a search trained each candidate by itself.

    Raises:
        UsageError: The refined net's weights are gone.
    """
    if refined is not None:
        file = refined_weights(path.parent, refined.number)
        if not file.is_file():
            raise UsageError(f"{file}: the weights of this refinement are gone; delete refined.jsonl to refine anew")
        schema.write_whole(path, file.read_bytes())
        return InitialWeights(path.name, _sha256(path), ws.dataset.fingerprint, "refinement")
    if scoring.supernet is None:
        return None
    from hwasc.nas.proxies.supernet import slice_student

    a = winner.architecture
    save_weights(
        path, slice_student(candidate(ws, scoring, winner)), {"architecture": schema.canonical(a), "numbers": "float"}
    )
    return InitialWeights(path.name, _sha256(path), ws.dataset.fingerprint, "slice")


def copy_winner(record: ArchitectureFile, to: Path) -> ArchitectureFile:
    """Write an architecture file elsewhere, the weights that it names beside it under its name.

    Args:
        record: As read from a file.
        to: The new file.

    Returns:
        The new record.
    """
    weights = record.weights
    if weights is not None and record.weights_path is not None:
        weights = replace(weights, file=to.with_suffix(".safetensors").name)
        schema.write_whole(to.with_name(weights.file), record.weights_path.read_bytes())
    return architectures.save(to, record.architecture, record.provenance, weights)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
