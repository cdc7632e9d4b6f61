"""Published weights in a student: read in order, quantized and calibrated without training, or trained further."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.errors import DataError, UsageError
from hwasc.models import build
from hwasc.records import architecture as architectures
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import front_end
from hwasc.records.presets import cp_mobile
from hwasc.students.given_weights import read_given_weights

FRONT_END = FrontEnd.for_clip(40, 17, sample_rate=16_000, n_fft=1024, window=1024)
NET = replace(cp_mobile(base=8), front_end=FRONT_END)
Run = Callable[..., tuple[int, str, str]]


def conv(inputs: int, outputs: int, kernel: int, stride: tuple[int, int] = (1, 1), groups: int = 1) -> nn.Sequential:
    padding = kernel // 2
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(outputs)
    )


class Norm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.rand(1)), nn.Parameter(torch.rand(1) - 0.5)

    def forward(self, x: Tensor) -> Tensor:
        response = x.pow(2).sum((2, 3), keepdim=True).sqrt()
        return x + x * self.gamma * (response / (response.mean(1, keepdim=True) + 1e-6)) + self.beta


class Published(nn.Module):
    """CP-Mobile as its paper describes it (Schmid et al., DCASE 2023), written without hwasc's modules."""

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, expanded: int, stride: tuple[int, int]) -> None:
            super().__init__()
            self.expand, self.depth = conv(inputs, expanded, 1), conv(expanded, expanded, 3, stride, expanded)
            self.project = conv(expanded, outputs, 1)
            self.norm = Norm()
            self.stride, self.shortcut = stride, inputs == outputs

        def forward(self, x: Tensor) -> Tensor:
            y = self.project(F.relu(self.depth(F.relu(self.expand(x)))))
            if self.shortcut:
                y = y + (x if self.stride == (1, 1) else F.avg_pool2d(x, 3, self.stride, 1))
            return F.relu(self.norm(y))

    def __init__(self) -> None:
        super().__init__()
        self.in_c = nn.ModuleList([conv(1, 2, 3, (2, 2)), conv(2, 8, 3, (2, 2))])
        self.stages, inputs = nn.ModuleList(), 8
        for block in NET.blocks:
            self.stages.append(self.Block(inputs, block.channels, block.expanded, block.stride))  # type: ignore[attr-defined]
            inputs = block.channels
        self.feed_forward = conv(inputs, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.in_c:
            x = F.relu(layer(x))
        for stage in self.stages:
            x = stage(x)
        return self.feed_forward(x).mean((2, 3))


@pytest.fixture(scope="module")
def published() -> Published:
    torch.manual_seed(0)
    net = Published()
    net.train()
    for _ in range(3):
        net(torch.randn(8, 1, 40, 17))
    return net.eval()


@pytest.fixture
def checkpoint(published: Published, tmp_path: Path) -> Path:
    torch.save(published.state_dict(), tmp_path / "published.pt")
    return tmp_path / "published.pt"


def test_a_published_checkpoint_gives_the_published_logits(published: Published, checkpoint: Path) -> None:
    given = read_given_weights(checkpoint, NET)
    assert given.how == "in order" and given.clips is None
    model = build(NET)
    model.load_state_dict(given.state)
    x = torch.randn(5, 1, 40, 17, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(model.eval()(x), published(x), atol=1e-5)


def test_what_does_not_fit_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds .* tensors, the student has .*; it is of another net"):
        read_given_weights(checkpoint, replace(NET, blocks=NET.blocks[:-1]))
    with pytest.raises(
        DataError, match=r"tensor 1, 'in_c.0.0.weight', is \(2, 1, 3, 3\), where the student has 'stem.0"
    ):
        read_given_weights(checkpoint, replace(NET, stem=(3, 8)))
    save_file(torch.load(checkpoint, weights_only=True), tmp_path / "p.safetensors")
    with pytest.raises(DataError, match="no order to go by"):
        read_given_weights(tmp_path / "p.safetensors", NET)
    with pytest.raises(UsageError, match="there is no file"):
        read_given_weights(tmp_path / "none.pt", NET)
    with pytest.raises(UsageError, match="must be one of"):
        read_given_weights(tmp_path / "a.bin", NET)


@pytest.mark.slow
def test_they_are_calibrated_without_training(hwasc: Run, checkpoint: Path, tmp_path: Path) -> None:
    architectures.save(tmp_path / "net.json", NET)
    argv = ["distill", "--arch", tmp_path / "net.json", "--weights", checkpoint, "--json", "--set", "distill.alpha=0"]
    status, _, err = hwasc(*argv, "--run", tmp_path / "a", tiny=True)
    assert status == 2 and "says nothing of the clips" in err and "--unseen" in err
    status, out, err = hwasc(*argv, "--run", tmp_path / "a", "--no-training", "--unseen", tiny=True)
    assert status == 0, err
    result = json.loads(out)
    assert (
        result["losses"] == {"float": [], "qat": []} and result["initial_weights"]["from"] == "published.pt (in order)"
    )
    assert (tmp_path / "a" / "student.tflite").is_file() and (tmp_path / "a" / "report.html").is_file()
    again = read_given_weights(tmp_path / "a" / "float.safetensors", NET)
    assert again.how == "by name" and again.clips is not None


def test_wrong_use(hwasc: Run, checkpoint: Path, tmp_path: Path) -> None:
    status, _, err = hwasc("distill", "--arch", "cp_mobile", "--no-training", "--run", tmp_path / "r", tiny=True)
    assert status == 2 and "name their file with --weights" in err
    other = build(replace(NET, front_end=front_end("passt", 1.0)))
    from hwasc.records import schema
    from hwasc.training.weights import save_weights

    about = {"architecture": schema.canonical(other.architecture), "numbers": "float"}
    save_weights(tmp_path / "w.safetensors", other, about)
    with pytest.raises(
        UsageError,
        match=r"was trained on the log-mel 128x100, .* \((passt|efficientat)\), the architecture takes 40x17",
    ):
        read_given_weights(tmp_path / "w.safetensors", NET)
