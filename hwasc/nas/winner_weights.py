"""The weights that a search keeps beside its winner, and a distillation that starts from them.

A slice of a supernet has learned with all other candidates what a student of its size takes long to learn alone; see
`experiments/search` for what starting there brings.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from hwasc.errors import UsageError
from hwasc.nas.job import Proposal
from hwasc.nas.refinement import weights as refined_weights
from hwasc.nas.scoring import Scoring, candidate
from hwasc.nas.trial import Refined
from hwasc.records import architecture as architectures
from hwasc.records import schema
from hwasc.records.architecture import ArchitectureFile, Inherited
from hwasc.training.weights import load_weights, save_weights
from hwasc.workspace import Workspace


def keep(ws: Workspace, how: Scoring, winner: Proposal, pruned: Refined | None, path: Path) -> Inherited | None:
    """Write the winner's float weights to `path`: the pruned net's, or else its slice, batch norm set on training clips.

    None, and nothing is written, where a search trained each candidate by itself. UsageError where a pruned net's are gone.
    """
    if pruned is not None:
        file = refined_weights(path.parent, pruned.number)
        if not file.is_file():
            raise UsageError(f"{file}: the weights of this refinement are gone; delete refined.jsonl to refine anew")
        schema.write_whole(path, file.read_bytes())
        return Inherited(path.name, _sha256(path), ws.dataset.fingerprint, "refinement")
    if how.supernet is None:
        return None
    from hwasc.nas.proxies.supernet import inherited

    a = winner.architecture
    save_weights(path, inherited(candidate(ws, how, winner)), {"architecture": schema.canonical(a), "numbers": "float"})
    return Inherited(path.name, _sha256(path), ws.dataset.fingerprint, "slice")


def copy(path: Path, to: Path) -> None:
    """Write an architecture file elsewhere, the weights that it names beside it under its own name."""
    record = architectures.load(path)
    if record.weights is not None:
        named = replace(record.weights, file=to.with_suffix(".safetensors").name)
        schema.write_whole(to.with_name(named.file), path.with_name(record.weights.file).read_bytes())
        record = replace(record, weights=named)
    architectures.save(to, record.architecture, record.provenance, record.weights)


def start(ws: Workspace, record: ArchitectureFile, path: Path | str) -> Inherited | None:
    """The weights that a student of this architecture file starts from; None: random ones, and a line says why where it names
    some. They serve only where they learned from these very clips, by these splits, and teachers are asked for.

    UsageError where the file beside it is gone or another one.
    """
    kept, d = record.weights, ws.settings.distill
    if kept is None or d.start == "random":
        return None
    if d.alpha == 0 or kept.dataset != ws.dataset.fingerprint:
        why = "teachers, and distill.alpha is 0" if d.alpha == 0 else "other clips"
        ws.reporter.say(f"the student starts from random weights: its kept weights learned from {why}")
        return None
    file = Path(path).with_name(kept.file)
    hint = "put back what the search wrote, or start anew with --start random"
    if not file.is_file():
        raise UsageError(f"{path}: the weights {kept.file} are not beside it; {hint}")
    if _sha256(file) != kept.sha256:
        raise UsageError(f"{file}: not the weights that {path} names (SHA-256 differs); {hint}")
    return kept


def state(kept: Inherited, path: Path | str) -> dict[str, Tensor]:
    """What `start` found, read."""
    return load_weights(Path(path).with_name(kept.file))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
