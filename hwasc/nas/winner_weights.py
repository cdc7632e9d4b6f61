"""The weights that a search writes beside its winner's architecture file. A distillation starts from them.

A slice of a supernet was trained together with all other candidates. A student of its size needs long to get as far alone;
`experiments/search/training_of_found_nets.md` has the figures.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from hwasc.ensemble.known_clips import selection_record
from hwasc.errors import UsageError
from hwasc.nas.job import Proposal
from hwasc.nas.refinement import weights_path
from hwasc.nas.scoring import Scoring, candidate
from hwasc.nas.trial import Refined
from hwasc.records import architecture as architectures
from hwasc.records import schema, training_clips
from hwasc.records.architecture import ArchitectureFile, InitialWeights
from hwasc.records.bounded import sha256
from hwasc.training.weights import save_weights
from hwasc.workspace import Workspace


def write_winner_weights(
    ws: Workspace, scoring: Scoring, winner: Proposal, *, refined: Refined | None, path: Path
) -> InitialWeights | None:
    """Write the winner's float weights: of the refined net, or of its slice of the supernet.

    Batch norm statistics of a slice are computed on training clips.

    Args:
        ws: Data and device.
        scoring: Names the supernet.
        winner: The best candidate.
        refined: The refined net that is the winner instead, if any.
        path: The file to write.

    Returns:
        The record of the weights for the architecture file. None where candidates were trained one by one: nothing is written.

    Raises:
        UsageError: The refined net's weights are missing.
    """
    if refined is not None:
        file = weights_path(path.parent, refined.number)
        if not file.is_file():
            raise UsageError(
                f"{file}: the weights of this refinement are missing; delete refined.jsonl to refine again"
            )
        schema.write_whole(path, file.read_bytes())
        return InitialWeights(path.name, sha256(path).hexdigest(), ws.fingerprint, "refinement")
    if scoring.supernet is None:
        return None
    from hwasc.nas.proxies.supernet import slice_student

    a = winner.architecture
    about = {"architecture": schema.canonical(a), "numbers": "float", **training_clips.metadata(selection_record(ws))}
    save_weights(path, slice_student(candidate(ws, scoring, winner)), about)
    return InitialWeights(path.name, sha256(path).hexdigest(), ws.fingerprint, "slice")


def copy_winner(record: ArchitectureFile, to: Path, *, run: Path) -> ArchitectureFile:
    """Copy an architecture file, the weights that it names and the record of its clips. These get the new file's name.

    Args:
        record: As read from a file.
        to: The new file.
        run: The search's run folder, which the copy names by its path from the copy.

    Returns:
        The new record.
    """
    if record.clips is not None and record.path is not None:
        clips = training_clips.find(record.clips, record.path)
        if clips is not None:
            training_clips.save(clips, to.with_suffix(training_clips.SUFFIX))
    weights = record.weights
    if weights is not None and record.weights_path is not None:
        weights = replace(weights, file=to.with_suffix(".safetensors").name)
        schema.write_whole(to.with_name(weights.file), record.weights_path.read_bytes())
    about = {**record.provenance, "run": os.path.relpath(run, to.parent)}
    return architectures.save(to, record.architecture, about, weights, clips=record.clips)
