"""A microphone of 16 kHz, all the way: search, distill, the exports for firmware, and a decision from sound at that rate."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.ensemble.teacher_front_ends import member_front_end, teacher_front_end
from hwasc.records.earlier_run import read_run
from hwasc.records.settings import Settings
from hwasc.records.teacher_settings import FrontEndSettings, Member
from hwasc.workspace import Workspace, open_workspace

Run = Callable[..., tuple[int, str, str]]
SPACE = """
name: little
front_end: {mels: [40], frames: [17], window: 1600}
stem: [4]
stages:
  - {depth: [1], width: [8], expansion: [2], kernel: [3], stride: ["1x1"]}
  - {depth: [1], width: [16, 24], expansion: [2], kernel: [3], stride: ["2x1"]}
"""


@pytest.fixture(scope="module")
def workspace(tiny_data: Path, tiny_cache: Path) -> Workspace:
    return open_workspace(tiny_data, Settings.load(None, ["data.sample_rate=16000"]), cache=tiny_cache)


def test_teachers_that_are_trained_here_listen_at_this_rate(workspace: Workspace) -> None:
    own = teacher_front_end(workspace)
    assert (own.sample_rate, own.window, own.mels, own.frames, own.f_max) == (16_000, 1536, 64, 33, 8_000.0)
    paper = member_front_end(workspace, Member(name="a", family="cp_resnet", front_end="paper"))
    assert paper.sample_rate == 16_000
    stated = Member(name="b", family="crnn", front_end=FrontEndSettings(mels=32, frames=17))
    assert member_front_end(workspace, stated).window == 1536


def test_nets_with_weights_keep_the_log_mel_that_they_know(workspace: Workspace) -> None:
    started = Member(name="a", family="crnn", front_end="passt", weights="w.safetensors")
    assert member_front_end(workspace, started).sample_rate == 32_000
    given = Member(name="b", model="m.onnx", front_end="passt")
    assert member_front_end(workspace, given).sample_rate == 32_000


@pytest.mark.slow
@pytest.mark.long
def test_search_distill_and_both_exports(hwasc: Run, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    best, run, rate = tmp_path / "best.json", tmp_path / "d", ("--sample-rate", 16000)
    status, out, err = hwasc(
        "search", "--budget", "dcase2024", "--space", tmp_path / "space.yaml", "--run", tmp_path / "s", "--out", best, *rate,
        tiny=True,
    )  # fmt: skip
    assert status == 0 and out.splitlines()[-1].split() == ["next", "hwasc", "distill", "--arch", str(best)], err
    assert read_run(tmp_path / "s").settings.data.sample_rate == 16_000, "which distill goes on with"
    front_end = json.loads(best.read_text())["architecture"]["front_end"]
    assert {key: front_end[key] for key in ("sample_rate", "window", "n_fft", "f_max", "frames")} == {
        "sample_rate": 16_000, "window": 800, "n_fft": 1024, "f_max": 8_000.0, "frames": 17,
    }  # fmt: skip
    status, _, err = hwasc("distill", "--arch", best, "--run", tmp_path / "no", "--sample-rate", 8000, tiny=True)
    assert status == 2 and "was found for a log-mel at 16,000 Hz" in err
    status, _, err = hwasc("distill", "--arch", best, "--run", run, *rate, tiny=True)
    assert status == 0, err
    for form in ("c", "tflm"):
        status, _, err = hwasc("export", "--weights", run, "--format", form, "--out", tmp_path / form)
        assert status == 0, err
        texts = "".join(p.read_text() for p in (tmp_path / form).rglob("*.h"))
        assert "16000" in texts and "32000" not in texts, form
    soundfile.write(tmp_path / "x.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    status, out, err = hwasc("predict", run, tmp_path / "x.wav", "--json")
    assert status == 0 and len(json.loads(out)["files"][0]["windows"]) == 1, err
