"""`hwasc bench data` on the tiny data: figures that fit together, nothing left behind, torchaudio compared where it is."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

import hwasc
from hwasc.errors import UsageError
from hwasc.workspace import Workspace

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
COMMAND = ("bench", "data", "--front-end", "40x17", "--clips", 40)


class Slow(torch.nn.Module):
    """Takes the options of torchaudio's MelSpectrogram, and 50 ms."""

    def __init__(self, **options: object) -> None:
        super().__init__()
        sizes = [options[name] for name in ("sample_rate", "n_fft", "win_length", "hop_length")]
        assert sizes == [32_000, 4096, 3072, 2000] and options["norm"] == options["mel_scale"] == "slaney"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.05)
        return x


def test_figures_fit_together_and_nothing_is_left_behind(
    hwasc: Run, tiny_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = ModuleType("torchaudio")
    slow.__dict__.update(__version__="0", transforms=SimpleNamespace(MelSpectrogram=Slow))
    monkeypatch.setitem(sys.modules, "torchaudio", slow)
    before = set(tiny_cache.iterdir())
    status, out, err = hwasc(*COMMAND, "--json", tiny=True)
    assert status == 0, err
    assert set(tiny_cache.iterdir()) == before
    bench = json.loads(out)
    speed = {s["what"].split(",")[0]: s for s in bench["speeds"]}
    assert bench["clips"] == 40 and bench["librosa"] < 1e-3 and bench["rates"] == [32_000]
    assert all(
        0 < s["least"] <= s["seconds"] and s["times_real_time"] == pytest.approx(1 / s["seconds"])
        for s in bench["speeds"]
    )
    assert speed["all of it: hash"]["least"] > speed["log-mel"]["least"]
    theirs = speed["log-mel by torchaudio's MelSpectrogram (no log)"]["seconds"]
    assert bench["against_torchaudio"] == pytest.approx(theirs / speed["log-mel"]["seconds"]) and theirs > 0.05 / 40
    assert 0 < bench["epoch_start"] < 1 and bench["batches"] > 0 and 5e7 < bench["peak_memory"] < 1e11


def test_without_torchaudio_it_says_so(hwasc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    status, out, err = hwasc(*COMMAND, tiny=True)
    assert status == 0, err
    assert "torchaudio is not installed: not compared\n" in out and "x real time" in out and "an epoch starts in" in out


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (("--front-end", "256"), "expected mels x frames"),
        (("--front-end", "256x99999"), "99999"),
        (("--budget", "dcase2024"), "--budget has no effect on bench data"),
    ],
)
def test_wrong_use_is_one_line(hwasc: Run, extra: tuple[str, ...], said: str) -> None:
    status, _, err = hwasc("bench", "data", *extra, tiny=True)
    assert status == 2 and said in err.strip().splitlines()[-1], err


def test_it_is_a_python_function_too(tiny_workspace: Workspace) -> None:
    bench = hwasc.bench_data(tiny_workspace, front_end="40x17", clips=8)
    assert bench.clips == 8 and all(s.seconds > 0 for s in bench.speeds)
    with pytest.raises(UsageError, match="expected mels x frames"):
        hwasc.bench_data(tiny_workspace, front_end="40", clips=8)
