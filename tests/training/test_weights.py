"""Weights on disk: the same bytes for the same weights, readable by anyone's safetensors."""

from __future__ import annotations

from pathlib import Path

import safetensors
import torch
from torch import nn

from hwasc.training.weights import load_metadata, load_weights, save_weights


def test_equal_weights_give_equal_bytes(tmp_path: Path) -> None:
    net, notes = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)), {"numbers": "float", "über": "ü", "a": "x" * 5}
    files = [tmp_path / f"{i}.safetensors" for i in range(12)]
    for path in files:
        save_weights(path, net, notes)
    assert len({path.read_bytes() for path in files}) == 1
    found, state = load_weights(files[0]), net.state_dict()
    assert found.keys() == state.keys() and all(torch.equal(found[k], v) for k, v in state.items())
    assert {key: load_metadata(files[0], key) for key in notes} == notes
    with safetensors.safe_open(files[0], "pt") as file:
        metadata = file.metadata()
    assert len(metadata.pop("checksum")) == 16 and metadata == notes


def test_without_notes(tmp_path: Path) -> None:
    save_weights(tmp_path / "w", nn.Linear(2, 1))
    assert load_weights(tmp_path / "w").keys() == {"weight", "bias"}
