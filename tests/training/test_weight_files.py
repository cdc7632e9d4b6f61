"""Weights are loaded only as they were written."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from hwasc.errors import DataError
from hwasc.records.damaged import usable
from hwasc.training.weights import load_weights, save_weights


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_weights(tmp_path / "w.safetensors", nn.Linear(8, 4), {"numbers": "float", "spec": "{}"})
    return tmp_path / "w.safetensors"


def test_every_flipped_byte_is_noticed(file: Path) -> None:
    content = file.read_bytes()
    key = content.index(b'"checksum"')  # without its key, a checksum is only one more entry of the metadata
    for position in range(0, len(content), 7):
        if key <= position < key + 10:
            continue
        file.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        with pytest.raises(DataError):
            load_weights(file)
    file.write_bytes(content)
    assert set(load_weights(file)) == {"weight", "bias"}


@pytest.mark.parametrize("content", [b"", b"no weights", bytes(400)])
def test_a_damaged_file_is_set_aside(file: Path, content: bytes) -> None:
    lines: list[str] = []
    assert usable(file, load_weights, lines.append) and not lines
    file.write_bytes(content)
    assert not usable(file, load_weights, lines.append) and not file.exists()
    assert (file.parent / "w.safetensors.damaged").read_bytes() == content
    assert len(lines) == 1 and "made anew" in lines[0]
    assert not usable(file, load_weights, lines.append) and len(lines) == 1  # nothing is there


def test_files_of_other_programs_need_no_checksum(tmp_path: Path) -> None:
    safetensors.torch.save_file({"a": torch.ones(3)}, tmp_path / "other.safetensors")
    assert usable(tmp_path / "other.safetensors", load_weights, print)
