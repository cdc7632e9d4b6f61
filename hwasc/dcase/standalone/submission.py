"""A submission to DCASE 2025 Task 1: the functions that the challenge calls. The checkpoint has this module's name."""

from __future__ import annotations

import sys
from pathlib import Path

from torch import Tensor, nn

from .system import System

CHECKPOINT = Path(__file__).parent / "ckpts" / f"{Path(__file__).stem}.safetensors"
CHUNK = 64  # files in memory at once
REPORT_EVERY = 5_000  # files


def load_model(model_file_path: str | None = None) -> System:
    """Load a system on the CPU.

    Args:
        model_file_path: A checkpoint (.safetensors); None: the packaged one.

    Returns:
        The system.
    """
    return System(Path(model_file_path) if model_file_path else CHECKPOINT)


def load_inputs(file_paths: list[str], device_ids: list[str], model: System) -> list[Tensor]:
    """Compute model inputs.

    Args:
        file_paths: Audio files.
        device_ids: Recording device of each file.
        model: The system.

    Returns:
        Log-mels (1, 1, mels, frames), in order.
    """
    return model.inputs(file_paths, device_ids)


def get_model_for_device(model: System, device_id: str) -> nn.Module:
    """Choose the student for a device.

    Args:
        model: The system.
        device_id: Recording device; unknown ones get the general student.

    Returns:
        A student for inputs (B, 1, mels, frames).
    """
    return model.student(device_id)


def predict(
    file_paths: list[str],
    device_ids: list[str],
    model_file_path: str | None = None,
    use_cuda: bool = False,
) -> tuple[list[Tensor], list[str]]:
    """Predict the scenes of audio files.

    Args:
        file_paths: Audio files.
        device_ids: Recording device of each file.
        model_file_path: A checkpoint (.safetensors); None: the packaged one.
        use_cuda: Ignored; the official script passes it. The student runs on the CPU, where it was measured.

    Returns:
        Logits (classes,) of each file, in order, and the class names in the order of the logits.

    Raises:
        ValueError: There are not as many devices as files.
    """
    if len(file_paths) != len(device_ids):
        raise ValueError(f"{len(file_paths)} files, but {len(device_ids)} devices")
    model = load_model(model_file_path)
    logits: list[Tensor] = []
    for first in range(0, len(file_paths), CHUNK):
        paths, devices = file_paths[first : first + CHUNK], device_ids[first : first + CHUNK]
        logits += model.logits(model.inputs(paths, devices), devices)
        if first // REPORT_EVERY != (first + CHUNK) // REPORT_EVERY:
            print(f"{len(logits):,} of {len(file_paths):,} files", file=sys.stderr, flush=True)
    return logits, model.class_order
