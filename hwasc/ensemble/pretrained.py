"""Weights of others as a start: safetensors or tensor-only checkpoints, renamed as stated, with nothing left to chance."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from hwasc.errors import DataError, UsageError
from hwasc.models.teachers import TeacherSpec, build
from hwasc.records import schema
from hwasc.records.teacher_settings import PretrainedWeights

SHOWN = 4  # mistakes of a kind that an error names
WRAPPERS = ("state_dict", "model", "model_state_dict", "net")  # where checkpoints keep the tensors


@dataclass(frozen=True)
class StartWeights:
    """Where a teacher's training starts. hash: of the file and the renaming, 16 hexadecimal digits."""

    file: Path
    rename: dict[str, str | None]
    hash: str


def open_start_weights(setting: str | PretrainedWeights) -> StartWeights:
    """A setting with its file read once, for its hash. UsageError: no such file, another kind of file, a broken mapping."""
    chosen = PretrainedWeights(setting) if isinstance(setting, str) else setting
    path = Path(chosen.file)
    if path.suffix not in (".safetensors", ".pt", ".pth"):
        raise UsageError(
            f"teachers.pretrained: {path} must be a .safetensors file, or a .pt or .pth checkpoint of tensors"
        )
    if not path.is_file():
        raise UsageError(f"teachers.pretrained: there is no file {path}")
    rename = chosen.rename if isinstance(chosen.rename, dict) else _read_mapping(Path(chosen.rename))
    for pattern, ours in rename.items():
        try:
            re.sub(pattern, ours or "", "")
        except (re.error, IndexError) as e:
            raise UsageError(f"teachers.pretrained: '{pattern}' -> '{ours}' is no renaming ({e})") from None
    content = hashlib.sha256(path.read_bytes())
    content.update(schema.canonical([list(pair) for pair in rename.items()]).encode())  # the order counts
    return StartWeights(path, dict(rename), content.hexdigest()[:16])


def _read_mapping(path: Path) -> dict[str, str | None]:
    mapping = schema.read_yaml(path, "mapping of tensor names")  # JSON is YAML
    if not isinstance(mapping, dict) or not all(
        isinstance(k, str) and isinstance(v, (str, type(None))) for k, v in mapping.items()
    ):
        raise UsageError(f"{path}: expected a mapping of regular expressions to names (or null, to leave tensors out)")
    return mapping


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name. No code in it is run; DataError for a file that holds any, or no tensors."""
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:  # the readers' own exception types, and OSError
        if isinstance(e, pickle.UnpicklingError) and "Weights only" in str(e):
            raise DataError(
                f"{path}: is no checkpoint of tensors alone: it asks for code to be run, which is not done; save its "
                "state_dict as safetensors where it comes from"
            ) from None
        raise DataError(
            f"{path}: cannot be read as weights ({(str(e).splitlines() or [type(e).__name__])[0]})"
        ) from None
    if isinstance(found, Mapping):
        for inner in (found, *(found[key] for key in WRAPPERS if key in found)):
            if isinstance(inner, Mapping) and inner and all(isinstance(v, Tensor) for v in inner.values()):
                return dict(inner)
        raise DataError(f"{path}: holds no tensors by name, but {', '.join(map(str, list(found)[:6]))}")
    raise DataError(f"{path}: holds no tensors by name, but one {type(found).__name__}")


def renamed(tensors: Mapping[str, Tensor], rename: Mapping[str, str | None], path: Path) -> dict[str, Tensor]:
    """The tensors under our names. DataError where two get the same one."""
    out: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        ours = _our_name(name, rename)
        if ours is None:
            continue
        if ours in out:
            raise DataError(
                f"{path}: two tensors would be named '{ours}' ('{name}' is one); mend teachers.pretrained's rename"
            )
        out[ours] = tensor
    return out


def _our_name(name: str, rename: Mapping[str, str | None]) -> str | None:
    for pattern, replacement in rename.items():
        if replacement is not None:
            name = re.sub(pattern, replacement, name)
        elif re.search(pattern, name):
            return None
    return name


def load_start_weights(model: nn.Module, spec: TeacherSpec, classes: int, start: StartWeights) -> str:
    """Put the file's tensors into a fresh teacher; what was taken, in a line for people.

    Every tensor must have its place and its shape. Two exceptions: the head (what depends on the number of classes) is left
    as it is, whole, where the file's is for other classes or missing, and batch norm's counters may be missing.
    DataError lists what did not match.
    """
    given, state = (
        renamed(read_tensors(start.file), start.rename, start.file),
        model.state_dict(),
    )
    head = head_names(spec, classes)
    unfit = {n for n in head if n not in given or given[n].shape != state[n].shape}
    left_out = head if unfit else set()
    taken = {n: given[n] for n in state if n in given and n not in left_out}
    wrong = [
        f"'{n}' is {tuple(t.shape)} there, {tuple(state[n].shape)} here"
        for n, t in taken.items()
        if t.shape != state[n].shape
    ]
    missing = [n for n in state if n not in given and n not in head and not n.endswith("num_batches_tracked")]
    extra = [n for n in given if n not in state]
    mistakes = [
        f"{len(names):,} {what}: {', '.join(names[:SHOWN])}{', ...' * (len(names) > SHOWN)}"
        for what, names in (("of another shape", wrong), ("missing there", missing), ("unknown here", extra))
        if names
    ]
    if mistakes:
        raise DataError(
            f"{start.file}: does not fit {spec.family} of width {spec.width} at {spec.front_end.mels}x{spec.front_end.frames} "
            f"({'; '.join(mistakes)}); mend teachers.pretrained's rename, or teachers.widths"
        )
    model.load_state_dict(taken, strict=False)
    there = next((given[n].shape[0] for n in sorted(unfit) if n in given and given[n].ndim), None)
    why = f"{there} classes there, {classes} here" if there is not None else "missing there"
    note = f"; its head is left out ({why})" if left_out else ""
    return f"{spec.family} starts from {start.file.name} (hash {start.hash}): {len(taken):,} of {len(state):,} tensors{note}"


def head_names(spec: TeacherSpec, classes: int) -> set[str]:
    """Names of the tensors whose shape depends on the number of classes."""
    with torch.device("meta"):
        one, other = (build(spec, n).state_dict() for n in (classes, classes + 1))
    return {name for name in one if one[name].shape != other[name].shape}
