"""Weights as safetensors files: written atomically, read without running code from the file."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
from torch import Tensor, nn

from hwasc.errors import DataError
from hwasc.records.schema import write_whole


def save_weights(path: Path, model: nn.Module, metadata: dict[str, str] | None = None) -> None:
    """Write a model's state. Equal states give equal bytes; tensors that share memory are written once each.

    Args:
        path: File to write.
        model: The model.
        metadata: Lines by key, stored with the weights.
    """
    state = {k: v.detach().cpu().contiguous().clone() for k, v in model.state_dict().items()}
    write_whole(path, _ordered(safetensors.torch.save(state, metadata or {})))


def _ordered(data: bytes) -> bytes:
    """Sort the metadata in a file's bytes, which safetensors writes in random order.

    The format: eight bytes of length, a JSON header padded to a multiple of eight bytes, the tensors.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def read_entries(path: Path) -> dict[str, str]:
    """Read the metadata of a weight file.

    Args:
        path: A safetensors file.

    Returns:
        Its lines by key; none where it has no metadata.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except FileNotFoundError:
        raise DataError(f"{path}: no such weight file; run the command that trains them") from None
    except (OSError, safetensors.SafetensorError) as e:
        raise DataError(f"{path}: not readable as safetensors ({e})") from None


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
    try:
        with safetensors.safe_open(path, "pt") as file:
            return str((file.metadata() or {})[key])
    except (KeyError, OSError, safetensors.SafetensorError) as e:
        raise DataError(
            f"{path}: has no entry '{key}' in its metadata ({e}); delete it to train this part anew"
        ) from None


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict.

    Args:
        path: A safetensors file.

    Returns:
        Tensors by name.

    Raises:
        DataError: The file is missing, truncated or not safetensors.
    """
    try:
        return safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such weight file; run the command that trains them") from None
    except Exception as e:  # safetensors raises its own error type, and OSError
        raise DataError(f"{path}: not readable as safetensors ({e}); delete it to train this part anew") from None
