"""Front ends and students by recording device, from one safetensors file."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from .frontend import LogMel
from .student import Student

GENERAL = "general"  # the student for devices without a separate one
KEY = "system"  # of the file's metadata
BATCH = 4  # files through the front end at once


class System(nn.Module):
    """All students of a submission with their front ends.

    Attributes:
        class_order: Class names in the order of the logits.
        model: Students by name, `general` or a device.
        front_ends: Front ends by the same names.
    """

    def __init__(self, path: Path) -> None:
        """Read a checkpoint.

        Args:
            path: A .safetensors file.

        Raises:
            ValueError: The file holds no system.
        """
        super().__init__()
        with safe_open(str(path), "pt") as f:
            metadata = f.metadata() or {}
            if KEY not in metadata:
                raise ValueError(f"{path}: holds no system of students")
            names = f.keys()
            state = {name: f.get_tensor(name) for name in names}
        about = json.loads(metadata[KEY])
        self.class_order: list[str] = about["classes"]
        self.model = nn.ModuleDict({name: Student(a) for name, a in about["students"].items()})
        self.front_ends = nn.ModuleDict({name: LogMel(s) for name, s in about["front_ends"].items()})
        self.load_state_dict(state)
        self.eval()

    def student(self, device_id: str) -> nn.Module:
        """Return the student for a device; the general one where the device has no separate student."""
        return self.model[self._name(device_id)]

    def inputs(self, file_paths: list[str], device_ids: list[str]) -> list[Tensor]:
        """Compute inputs.

        Args:
            file_paths: Audio files.
            device_ids: Recording device of each file.

        Returns:
            Log-mels (1, 1, mels, frames) float16, in order.

        Raises:
            ValueError: There are not as many devices as files.
        """
        if len(file_paths) != len(device_ids):
            raise ValueError(f"{len(file_paths)} files, but {len(device_ids)} devices")
        found: dict[int, Tensor] = {}
        for name, front_end in self.front_ends.items():
            assert isinstance(front_end, LogMel)
            rows = [i for i, device in enumerate(device_ids) if self._name(device) == name]
            for first in range(0, len(rows), BATCH):
                chunk = rows[first : first + BATCH]
                found.update(zip(chunk, front_end.of_files([file_paths[i] for i in chunk])))
        return [found[i] for i in range(len(file_paths))]

    @torch.inference_mode()
    def logits(self, inputs: list[Tensor], device_ids: list[str]) -> list[Tensor]:
        """Run the students.

        Args:
            inputs: Log-mels (1, 1, mels, frames).
            device_ids: Recording device of each input.

        Returns:
            Logits (classes,) of each input, in order.
        """
        found: dict[int, Tensor] = {}
        for name, student in self.model.items():
            rows = [i for i, device in enumerate(device_ids) if self._name(device) == name]
            if rows:
                found.update(zip(rows, student(torch.cat([inputs[i] for i in rows]))))
        return [found[i] for i in range(len(inputs))]

    def _name(self, device_id: str) -> str:
        return device_id if device_id in self.model and device_id != GENERAL else GENERAL
