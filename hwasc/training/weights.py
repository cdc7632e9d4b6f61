"""Weights as safetensors files: written atomically, with a checksum, read without running code from the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor, nn

from hwasc.errors import DataError, UsageError, WrongFile
from hwasc.records.bounded import describe, reason, safetensors_header
from hwasc.records.file_names import is_utf8
from hwasc.records.schema import parse_json, write_whole

CHECKSUM = "checksum"  # key in the metadata
DTYPES = {"torch.float32": "F32", "torch.int64": "I64"}  # of the tensors of students
ADVICE = "copy it again, or run the command that wrote it"
SHOWN = 3  # tensors that a message lists


def save_weights(path: Path, model: nn.Module, metadata: dict[str, str] | None = None) -> None:
    """Write a model's state. Equal states give equal bytes; tensors that share memory are written once each.

    Args:
        path: File to write.
        model: The model.
        metadata: Lines by key, stored with the weights.
    """
    save_tensors(path, model.state_dict(), metadata)


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors, which `load_weights` reads again. Equal tensors give equal bytes.

    Args:
        path: File to write.
        tensors: By name.
        metadata: Lines by key, stored with them.
    """
    state = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    write_whole(path, _ordered(safetensors.torch.save(state, metadata or {})))


def _ordered(data: bytes) -> bytes:
    """Sort the metadata in a file's bytes, which safetensors writes in random order, and add the checksum.

    The format: eight bytes of length, a JSON header padded to a multiple of eight bytes, the tensors.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    header["__metadata__"][CHECKSUM] = _checksum(header, memoryview(data)[end:])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def _checksum(header: Mapping[str, Any], tensors: memoryview) -> str:
    """Hash of a file's header without the checksum, and of its tensors."""
    metadata = {k: v for k, v in header["__metadata__"].items() if k != CHECKSUM}
    h = hashlib.blake2b(json.dumps({**header, "__metadata__": metadata}).encode(), digest_size=8)
    h.update(tensors)
    return h.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a .safetensors file says before its tensors.

    Attributes:
        metadata: Lines by key.
        tensors: The type of numbers and the shape of each tensor, by name.
    """

    metadata: Mapping[str, str]
    tensors: Mapping[str, tuple[str, tuple[int, ...]]]


def read_header(path: Path) -> Header:
    """Read the header of a weight file, and no tensor.

    Args:
        path: A safetensors file.

    Returns:
        Metadata, and the tensors' shapes.

    Raises:
        DataError: The file is missing, truncated or not safetensors.
    """
    try:
        text, rest = safetensors_header(path)
        values = parse_json(text, str(path))
        metadata = values.pop("__metadata__", {})
        if not all(isinstance(v, str) for v in metadata.values()):
            raise UsageError(f"{path}: its metadata must be text")
        tensors = {name: (str(t["dtype"]), tuple(int(n) for n in t["shape"])) for name, t in values.items()}
        if any(not 0 <= start <= end <= rest for start, end in (t["data_offsets"] for t in values.values())):
            raise UsageError(f"{path}: is cut short (its tensors do not fit into it)")
    except FileNotFoundError:
        raise WrongFile(f"{path}: there is no such file of weights; `hwasc distill` writes them") from None
    except (UsageError, OSError) as e:
        raise _unreadable(path, e) from None
    except (AttributeError, LookupError, TypeError, ValueError):  # another shape than a header's
        raise DataError(f"{path}: not readable as safetensors (its header is damaged)") from None
    return Header(metadata=metadata, tensors=tensors)


def check_shapes(header: Header, model: nn.Module, path: Path) -> None:
    """Compare the tensors of a file with those of a net, by name, before either is in memory.

    Args:
        header: Of the file.
        model: The net, which may be on the device `meta`. Tensors that only one of them has are not compared, but for the
            weights of convolutions.
        path: The file, for messages.

    Raises:
        DataError: A tensor is missing, or of another shape or type.
    """
    wrong = []
    for name, tensor in model.state_dict().items():
        found = header.tensors.get(name)
        wanted = (DTYPES.get(str(tensor.dtype), str(tensor.dtype)), tuple(tensor.shape))
        if found is None and name.endswith(".conv.weight"):
            wrong.append(f"'{name}' is missing")
        elif found is not None and found != wanted:
            wrong.append(f"'{name}' is {found[0]} {list(found[1])} there, {wanted[0]} {list(wanted[1])} in the net")
    if wrong:
        more = f" and {len(wrong) - SHOWN:,} more" if len(wrong) > SHOWN else ""
        raise DataError(f"{path}: its weights do not fit its architecture ({'; '.join(wrong[:SHOWN])}{more})")


def read_entries(path: Path) -> dict[str, str]:
    """Read the metadata of a weight file.

    Args:
        path: A safetensors file.

    Returns:
        Its lines by key; none where it has no metadata.

    Raises:
        DataError: The file cannot be read.
    """
    return dict(read_header(path).metadata)


def load_metadata(path: Path, key: str) -> str:
    """Read a line of a weight file's metadata.

    Args:
        path: A file that `save_weights` wrote.
        key: Key of the line.

    Returns:
        The line.

    Raises:
        DataError: The file cannot be read or has no such key.
    """
    found = read_header(path).metadata.get(key)
    if found is None:
        raise DataError(f"{path}: has no entry '{key}' in its metadata; {ADVICE}")
    return found


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict.

    Args:
        path: A safetensors file.

    Returns:
        Tensors by name.

    Raises:
        DataError: The file is missing, truncated or not safetensors, is not as it was written, or holds numbers that are not
            finite.
    """
    check_content(path, read_header(path))
    try:
        state = read_safetensors(path)
    except Exception as e:  # safetensors raises its own error type, and OSError
        raise _unreadable(path, e) from None
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise DataError(f"{path}: '{name}' is not finite; {ADVICE}")
    return state


def check_content(path: Path, header: Header) -> None:
    """Compare a file with its checksum.

    Args:
        path: A safetensors file.
        header: Its header; files of other programs have no checksum in it.

    Raises:
        DataError: The file is not as `save_weights` wrote it.
    """
    if CHECKSUM not in header.metadata:
        return  # another program's
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    if _checksum(json.loads(data[8:end]), memoryview(data)[end:]) != header.metadata[CHECKSUM]:
        raise DataError(f"{path}: is damaged (its checksum differs); {ADVICE}")


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a safetensors file, whatever its name. Raises what the library raises."""
    return safetensors.torch.load_file(path) if is_utf8(path) else safetensors.torch.load(path.read_bytes())


def _unreadable(path: Path, error: Exception) -> DataError:
    if what := describe(path):
        return WrongFile(f"{path}: is not a .safetensors file (it is {what}); name a file that `hwasc distill` wrote")
    why = reason(error).removeprefix(f"{path}: ")
    return DataError(f"{path}: not readable as safetensors ({why}); {ADVICE}")
