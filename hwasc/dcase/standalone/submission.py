"""A submission to DCASE 2025 Task 1: the functions that the challenge calls. The checkpoint has this module's name."""

from __future__ import annotations

import sys
from pathlib import Path

from torch import Tensor, nn

from .system import System

CHECKPOINT = Path(__file__).parent / "ckpts" / f"{Path(__file__).stem}.safetensors"
CHUNK = 64  # files in memory at once
TELL_EVERY = 5_000  # files


def load_model(model_file_path: str | None = None) -> System:
    """The system in a checkpoint (.safetensors), by default in the packaged one, on the CPU."""
    return System(Path(model_file_path) if model_file_path else CHECKPOINT)


def load_inputs(file_paths: list[str], device_ids: list[str], model: System) -> list[Tensor]:
    """Audio files as model inputs (1, 1, mels, frames), in order. device_ids: the recorder of each file."""
    return model.inputs(file_paths, device_ids)


def get_model_for_device(model: System, device_id: str) -> nn.Module:
    """The student that answers for a device, for inputs (B, 1, mels, frames); unknown devices get the general one."""
    return model.student(device_id)


def predict(
    file_paths: list[str],
    device_ids: list[str],
    model_file_path: str | None = None,
    use_cuda: bool = False,
) -> tuple[list[Tensor], list[str]]:
    """Logits (classes,) of each file, in order, and the class names in the order of the logits.

    use_cuda: taken because the official script gives it. The student runs on the CPU, where it was measured.
    """
    if len(file_paths) != len(device_ids):
        raise ValueError(f"{len(file_paths)} files, but {len(device_ids)} devices")
    model = load_model(model_file_path)
    logits: list[Tensor] = []
    for first in range(0, len(file_paths), CHUNK):
        paths, devices = file_paths[first : first + CHUNK], device_ids[first : first + CHUNK]
        logits += model.logits(model.inputs(paths, devices), devices)
        if first // TELL_EVERY != (first + CHUNK) // TELL_EVERY:
            print(f"{len(logits):,} of {len(file_paths):,} files", file=sys.stderr, flush=True)
    return logits, model.class_order
