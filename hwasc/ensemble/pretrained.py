"""Pretrained weights to start a teacher from: safetensors or tensor-only checkpoints, renamed by regular expressions."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hwasc.errors import DataError, UsageError
from hwasc.models.teachers import TeacherSpec, build
from hwasc.records import schema
from hwasc.records.bounded import describe, reason, sha256
from hwasc.records.teacher_settings import PretrainedWeights
from hwasc.training.weights import check_content, read_header, read_safetensors

SHOWN = 4  # tensors of each kind of mistake that an error lists
_ZIP = "a zip archive"
WRAPPERS = ("state_dict", "model", "model_state_dict", "net")  # keys of checkpoints that contain the tensors


@dataclass(frozen=True, kw_only=True)
class StartWeights:
    """The weights that a teacher's training starts from.

    Attributes:
        teacher: The teacher's name.
        file: Their file.
        rename: Regular expressions of the file's tensor names to ours; None leaves a tensor out.
        hash: Of the file and the renaming, 16 hexadecimal digits.
    """

    teacher: str
    file: Path
    rename: dict[str, str | None]
    hash: str


def open_start_weights(setting: str | PretrainedWeights, teacher: str) -> StartWeights:
    """Open the weights that a setting names, and read their file once for its hash.

    Args:
        setting: A file, or a file with its renaming.
        teacher: The name of the teacher, for messages.

    Returns:
        The weights.

    Raises:
        UsageError: There is no such file, it is of another kind, or the renaming is broken.
    """
    chosen = PretrainedWeights(setting) if isinstance(setting, str) else setting
    path, where = Path(chosen.file), f"weights of teacher {teacher}"
    if path.suffix not in (".safetensors", ".pt", ".pth"):
        raise UsageError(f"{where}: {path} must be a .safetensors file, or a .pt or .pth checkpoint of tensors")
    if not path.is_file():
        raise UsageError(f"{where}: there is no file {path}")
    rename = chosen.rename if isinstance(chosen.rename, dict) else _read_mapping(Path(chosen.rename))
    for pattern, ours in rename.items():
        try:
            re.sub(pattern, ours or "", "")
        except (re.error, IndexError, RecursionError, OverflowError) as e:
            raise UsageError(f"{where}: '{pattern}' -> '{ours}' is not a valid renaming ({e})") from None
    content = sha256(path)
    content.update(schema.canonical([list(pair) for pair in rename.items()]).encode())  # the order counts
    return StartWeights(teacher=teacher, file=path, rename=dict(rename), hash=content.hexdigest()[:16])


def _read_mapping(path: Path) -> dict[str, str | None]:
    read = schema.read_json if path.suffix == ".json" else schema.read_yaml
    mapping = read(path, "mapping of tensor names")
    if not isinstance(mapping, dict) or not all(
        isinstance(k, str) and isinstance(v, (str, type(None))) for k, v in mapping.items()
    ):
        raise UsageError(f"{path}: expected a mapping of regular expressions to names (or null, to leave tensors out)")
    return mapping


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file by name, without running code in it.

    Args:
        path: A .safetensors file or a checkpoint.

    Returns:
        Tensors by name.

    Raises:
        DataError: It is no checkpoint, contains code, or no tensors, or tensors of numbers that no net has.
    """
    if path.suffix == ".safetensors":
        tensors = _read_safetensors(path)
    else:
        _check_kind(path)
        tensors = _read_checkpoint(path)
    for name, tensor in tensors.items():
        if tensor.is_complex() or (tensor.is_floating_point() and not bool(tensor.isfinite().all())):
            kind = "complex" if tensor.is_complex() else "not finite"
            raise DataError(f"{path}: the tensor '{str(name)[:80]}' is {kind}")
    return tensors


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        check_content(path, read_header(path))
        return read_safetensors(path)
    except DataError as e:
        why = str(e).removeprefix(f"{path}: ").partition("; ")[0]
        raise DataError(f"{path}: cannot be read as weights ({why})") from None
    except Exception as e:  # safetensors raises its own error type, and OSError
        raise DataError(f"{path}: cannot be read as weights ({reason(e)})") from None


def _check_kind(path: Path) -> None:
    """DataError where a file is no checkpoint: torch would say of any other file that code has to run."""
    what = describe(path)
    with path.open("rb") as file:
        start = file.read(2)
    if what == _ZIP:
        _check_archive(path)
    elif what or start[:1] != b"\x80":  # a pickle of protocol 2 or later
        raise DataError(f"{path}: is not a checkpoint" + (f"; it is {what}" if what else ""))


def _check_archive(path: Path) -> None:
    """A checkpoint is a zip archive that stores a `data.pkl` and tensors, uncompressed."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as e:
        raise DataError(f"{path}: is not a checkpoint; it is a damaged zip archive ({reason(e)})") from None
    if not any(m.filename.endswith("/data.pkl") or m.filename == "data.pkl" for m in members):
        raise DataError(f"{path}: is not a checkpoint; it is a zip archive of other files")
    if sum(m.file_size for m in members) > path.stat().st_size:
        raise DataError(
            f"{path}: is not a checkpoint of torch, which compresses no tensors; save it again with torch.save"
        )


def _read_checkpoint(path: Path) -> dict[str, Tensor]:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:  # the readers' own exception types, and OSError
        if isinstance(e, pickle.UnpicklingError) and "Weights only" in str(e):
            raise DataError(
                f"{path}: contains more than tensors: to load it, code would have to run, which hwasc does not do; save its "
                "state_dict as safetensors with the software that made it"
            ) from None
        raise DataError(f"{path}: cannot be read as weights ({reason(e)})") from None
    if isinstance(content, Mapping):
        for inner in (content, *(content[key] for key in WRAPPERS if key in content)):
            if isinstance(inner, Mapping) and inner and all(isinstance(v, Tensor) for v in inner.values()):
                return {str(name): tensor for name, tensor in inner.items()}
        there = ", ".join(" ".join(str(name).split())[:40] for name in list(content)[:6]) or "nothing"
        raise DataError(f"{path}: contains no tensors by name, but {there}")
    raise DataError(f"{path}: contains no tensors by name, but one {type(content).__name__}")


def renamed(tensors: Mapping[str, Tensor], rename: Mapping[str, str | None], path: Path) -> dict[str, Tensor]:
    """Rename tensors.

    Args:
        tensors: By the file's names.
        rename: Regular expressions of the file's names to ours, applied in order; None leaves a tensor out.
        path: The file, for messages.

    Returns:
        Tensors by our names.

    Raises:
        DataError: Two tensors get the same name.
    """
    out: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        ours = _our_name(name, rename)
        if ours is None:
            continue
        if ours in out:
            raise DataError(
                f"{path}: two tensors would be named '{ours}' ('{name}' is one); correct the rename of its weights"
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
    """Load pretrained weights into a new teacher.

    Names and shapes of all tensors must match, with two exceptions. The head (all tensors whose shape depends on the number of
    classes) stays as it is where the file's head is missing or for another number of classes. Counters of batch norm may be
    missing.

    Args:
        model: The teacher, changed in place.
        spec: Its spec.
        classes: Classes of the data.
        start: The weights.

    Returns:
        A line for people that says what was loaded.

    Raises:
        DataError: Names or shapes do not match; it lists them.
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
            f"({'; '.join(mistakes)}); correct the rename of its weights, or the width of teacher {start.teacher}"
        )
    model.load_state_dict(taken, strict=False)
    there = next((given[n].shape[0] for n in sorted(unfit) if n in given and given[n].ndim), None)
    why = f"{there} classes there, {classes} here" if there is not None else "missing there"
    note = f"; its head is left out ({why})" if left_out else ""
    return f"{start.teacher} starts from {start.file.name} (hash {start.hash}): {len(taken):,} of {len(state):,} tensors{note}"


def head_names(spec: TeacherSpec, classes: int) -> set[str]:
    """Find the tensors whose shape depends on the number of classes.

    Args:
        spec: The teacher's spec.
        classes: Classes of the data.

    Returns:
        Their names.
    """
    with torch.device("meta"):
        one, other = (build(spec, n).state_dict() for n in (classes, classes + 1))
    return {name for name in one if one[name].shape != other[name].shape}
