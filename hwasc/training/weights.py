"""Weights on disk: safetensors, written whole or not at all; nothing from a file runs."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
from torch import Tensor, nn

from hwasc.errors import DataError
from hwasc.records.schema import write_whole


def save_weights(path: Path, model: nn.Module, metadata: dict[str, str] | None = None) -> None:
    """The model's state as safetensors; tensors that share memory are written once each. Equal states give equal bytes."""
    state = {k: v.detach().cpu().contiguous().clone() for k, v in model.state_dict().items()}
    write_whole(path, _ordered(safetensors.torch.save(state, metadata or {})))


def _ordered(data: bytes) -> bytes:
    """The same file with its metadata by name: safetensors writes them in random order. (Eight bytes of length, a JSON header
    filled up to a multiple of eight, the tensors.)
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def load_note(path: Path, key: str) -> str:
    """A line of the metadata that the weights were saved with; DataError where it is not there."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            return str((file.metadata() or {})[key])
    except (KeyError, OSError, safetensors.SafetensorError) as e:
        raise DataError(f"{path}: says nothing of its {key} ({e}); delete it to train this part anew") from None


def load_weights(path: Path) -> dict[str, Tensor]:
    """A state dict; DataError where the file is missing, truncated or no safetensors."""
    try:
        return safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there are no such weights; run the command that trains them") from None
    except Exception as e:  # safetensors raises its own error type, and OSError
        raise DataError(f"{path}: not readable as safetensors ({e}); delete it to train this part anew") from None
