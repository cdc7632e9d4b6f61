"""Weights of a float student from a file: of hwasc, or a published checkpoint, by name or in the order of its tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from hwasc.ensemble.pretrained import SHOWN, read_tensors
from hwasc.errors import DataError, UsageError
from hwasc.models import student
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.bounded import sha256
from hwasc.records.front_ends import name_of
from hwasc.records.training_clips import ADVICE, TrainingClips, record_of
from hwasc.training.weights import read_entries

SUFFIXES = (".safetensors", ".pt", ".pth")
COUNTER = "num_batches_tracked"  # of batch norm; it changes no output


@dataclass(frozen=True, kw_only=True)
class GivenWeights:
    """Trained weights of a float student.

    Attributes:
        file: Where they come from.
        sha256: Of the file.
        state: Tensors by the student's names.
        how: How the file's tensors were matched: `by name` or `in order`.
        clips: The clips that they were trained on; None where the file says nothing of it.
    """

    file: Path
    sha256: str
    state: dict[str, Tensor]
    how: str
    clips: TrainingClips | None


def read_given_weights(file: Path, architecture: Architecture, cache: Path | None = None) -> GivenWeights:
    """Read the weights of a float student.

    A file whose names are the student's is read by name. Any other checkpoint is read in order: its tensors must have the shapes
    of the student's in the order of its units (stem, blocks, head). Axes of length one do not count. Files in safetensors have no
    order, so they need the names.

    Args:
        file: A .safetensors file, or a .pt or .pth checkpoint that contains only tensors.
        architecture: The student.
        cache: The folder of caches, where the record of training clips may be.

    Returns:
        The weights.

    Raises:
        UsageError: There is no such file, it is of another kind, or its weights are for another front end.
        DataError: It cannot be read, or does not fit.
    """
    entries = _entries(file)
    _check_front_end(file, entries, architecture)
    tensors = read_tensors(file)
    wanted = student.build(architecture).state_dict()
    needed = {name: value for name, value in wanted.items() if not name.endswith(COUNTER)}
    if set(needed) <= set(tensors):
        found, how = {name: tensors[name] for name in needed}, "by name"
    elif file.suffix == ".safetensors":
        missing = [name for name in needed if name not in tensors]
        raise DataError(
            f"{file}: lacks {len(missing):,} of the student's tensors ({', '.join(missing[:SHOWN])}); a .safetensors file has no "
            "order to go by, so rename its tensors, or give the checkpoint as .pt"
        )
    else:
        given = {name: value for name, value in tensors.items() if not name.endswith(COUNTER)}
        found, how = _in_order(given, needed, file), "in order"
    for name, value in found.items():
        if _shape(value) != _shape(wanted[name]):
            raise DataError(f"{file}: '{name}' is {tuple(value.shape)} there, {tuple(wanted[name].shape)} here")
    state = {name: found[name].reshape(wanted[name].shape).to(wanted[name].dtype) for name in needed}
    return GivenWeights(
        file=file,
        sha256=sha256(file).hexdigest(),
        state={**wanted, **state},
        how=how,
        clips=record_of(entries, file, cache) if entries else None,
    )


def _entries(file: Path) -> dict[str, str]:
    """What a file says of itself. UsageError where it is of another kind."""
    if file.suffix not in SUFFIXES:
        raise UsageError(f"--weights: {file} must be one of {', '.join(SUFFIXES)}")
    if not file.is_file():
        raise UsageError(f"--weights: there is no file {file}")
    entries = read_entries(file) if file.suffix == ".safetensors" else {}
    if "numbers" in entries and entries["numbers"] != "float":
        raise UsageError(
            f"--weights: {file} is an {entries['numbers']} student; name the float one (float.safetensors)"
        )
    return entries


def _in_order(given: dict[str, Tensor], needed: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
    if len(given) != len(needed):
        raise DataError(f"{file}: holds {len(given):,} tensors, the student has {len(needed):,}; it is of another net")
    for number, (theirs, ours) in enumerate(zip(given.items(), needed.items(), strict=True), 1):
        if _shape(theirs[1]) != _shape(ours[1]):
            raise DataError(
                f"{file}: tensor {number:,}, '{theirs[0]}', is {tuple(theirs[1].shape)}, where the student has '{ours[0]}' "
                f"{tuple(ours[1].shape)}; it is of another net"
            )
    return dict(zip(needed, given.values(), strict=True))


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(n for n in tensor.shape if n != 1)


def _check_front_end(file: Path, entries: dict[str, str], architecture: Architecture) -> None:
    """UsageError where a file says that its weights are for another log-mel."""
    if "architecture" not in entries:
        return
    theirs = schema.parse(Architecture, schema.parse_json(entries["architecture"], str(file)), str(file)).front_end
    ours = architecture.front_end
    if theirs != ours:
        names = [f"{fe} ({name_of(fe) or 'a log-mel of its own'})" for fe in (theirs, ours)]
        raise UsageError(
            f"--weights: {file} was trained on the log-mel {names[0]}, the architecture takes {names[1]}; with another log-mel "
            "its weights are worth little. Name an architecture with its log-mel"
        )


def check_asked(weights: Path | None, *, training: bool, per_device: bool) -> None:
    """Check that what is asked for can be done with the given weights, before the architecture is known.

    Args:
        weights: Their file; None: none is given.
        training: Whether the student is to be trained.
        per_device: Whether students of single devices are to be trained.

    Raises:
        UsageError: They are missing where nothing is trained, or the file is of another kind.
    """
    if not training and weights is None:
        raise UsageError("--no-training: needs trained weights; name their file with --weights")
    if not training and per_device:
        raise UsageError(
            "--per-device: trains a student for each device, and --no-training trains none; leave one of them out"
        )
    if weights is not None:
        _entries(weights)


def check_given(given: GivenWeights | None, *, unseen: bool) -> None:
    """Check that it is known what the given weights were trained on.

    Args:
        given: The weights; None: none were given.
        unseen: The caller vouches that they were trained on no test clip.

    Raises:
        UsageError: Their training clips are unknown.
    """
    if given is not None and given.clips is None and not unseen:
        raise UsageError(f"{given.file}: says nothing of the clips that it was trained on; {ADVICE}")
