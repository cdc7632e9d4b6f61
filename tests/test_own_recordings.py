"""The whole way on folders of one's own: two scenes or fifty, clips of 0.5 s or 10 s, other rates, formats and channels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


def recordings(folder: Path, scenes: int, places: int, seconds: float, rate: int, suffix: str, channels: int) -> Path:
    """A folder a scene, each with a tone of its own in noise."""
    rng = np.random.default_rng(0)
    for scene in range(scenes):
        (folder / f"scene{scene:02d}").mkdir(parents=True)
        for place in range(places):
            t = np.arange(int(seconds * rate)) / rate
            tone = 0.1 * np.sin(2 * np.pi * 150 * 1.07**scene * t)[:, None]
            sound = tone + 0.02 * rng.standard_normal((len(t), channels))
            soundfile.write(folder / f"scene{scene:02d}" / f"place{place}.{suffix}", sound, rate)
    return folder


@pytest.mark.parametrize(
    ("scenes", "clip", "length", "rate", "suffix", "channels"),
    [
        (2, 0.5, 4.2, 8_000, "wav", 1),
        pytest.param(50, 1.0, 2.0, 44_100, "flac", 2, marks=pytest.mark.long),
        pytest.param(3, 10.0, 21.0, 48_000, "ogg", 1, marks=pytest.mark.long),
    ],
)
def test_search_distill_and_evaluate(
    hwasc: Run, tiny_settings: list[str], tiny_space: Path, tmp_path: Path,
    scenes: int, clip: float, length: float, rate: int, suffix: str, channels: int,
) -> None:  # fmt: skip
    data = recordings(tmp_path / "mine", scenes, 4, length, rate, suffix, channels)
    common = ["--data", data, "--cache", tmp_path / "cache", *tiny_settings, "--set", f"data.seconds={clip}"]
    status, out, err = hwasc("data", "check", data)
    assert status == 0 and "can be used" in out, err
    budget = tmp_path / "budget.yaml"
    budget.write_text("name: mine\nlimits: {parameter_memory: {max: 128_000}}\n")
    status, _, err = hwasc(
        "search",
        "--budget",
        budget,
        "--space",
        tiny_space,
        *common,
        "--run",
        tmp_path / "s",
        "--out",
        tmp_path / "best.json",
    )
    assert status == 0, err
    best = json.loads((tmp_path / "best.json").read_text())
    assert best["architecture"]["classes"] == scenes
    assert best["architecture"]["front_end"]["frames"] == min(16 * clip + 1, round(17 * clip))  # as of a second
    status, out, err = hwasc("distill", "--arch", tmp_path / "best.json", *common, "--run", tmp_path / "d", "--json")
    assert status == 0, err
    result = json.loads(out)
    per_recording = int(length / clip)
    assert (
        len(result["classes"]) == scenes and result["int8"]["clips"] == scenes * per_recording
    )  # one place of each is tested
    status, out, err = hwasc("evaluate", "--model", tmp_path / "d" / "student.tflite", *common, "--json")
    assert status == 0, err
    assert json.loads(out)["metrics"]["accuracy"] == pytest.approx(result["int8"]["accuracy"], abs=0.05)


def test_a_preset_takes_the_classes_of_the_data(hwasc: Run, tiny_settings: list[str], tmp_path: Path) -> None:
    data = recordings(tmp_path / "mine", 3, 4, 2.0, 16_000, "wav", 1)
    common = ["--data", data, "--cache", tmp_path / "cache", *tiny_settings, "--set", "distill.alpha=0"]
    status, out, err = hwasc("distill", "--arch", "cp_mobile_8", *common, "--run", tmp_path / "d", "--json")
    assert status == 0, err
    assert len(json.loads(out)["classes"]) == 3
    assert json.loads((tmp_path / "d" / "architecture.json").read_text())["architecture"]["classes"] == 3
    status, _, err = hwasc("distill", "--arch", "cp_mobil_8", *common, "--run", tmp_path / "e")
    assert status == 2 and "did you mean 'cp_mobile_8'" in err
