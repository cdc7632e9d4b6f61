"""Bandwidth, channels and levels of recordings, and properties of files that tell the class by themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal
import soundfile
import soxr

from hwasc.data import shortcuts
from hwasc.data.acoustics import bandwidth_lines, empty_share, fitting_rate
from hwasc.data.examination import examine
from hwasc.records.front_end import FrontEnd

RNG = np.random.default_rng(0)
Wave = npt.NDArray[np.float64]


def noise(rate: int, seconds: float = 2.0) -> Wave:
    return 0.1 * RNG.standard_normal(round(rate * seconds))


def bandwidth(path: Path, wave: Wave, rate: int) -> float:
    soundfile.write(path, wave, rate)
    return examine(path, 1.0).bandwidth


def test_bandwidth_of_files_as_recorded_upsampled_and_filtered(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    assert bandwidth(path, noise(32_000), 32_000) == 16_000 and bandwidth(path, noise(8_000), 8_000) == 4_000
    for rate in (8_000, 16_000):
        assert bandwidth(path, soxr.resample(noise(rate), rate, 44_100), 44_100) == pytest.approx(rate / 2, rel=0.05)
    steep = scipy.signal.firwin(1023, 5000, fs=32_000, window=("kaiser", 14.0))
    assert bandwidth(path, np.convolve(noise(32_000), steep), 32_000) == pytest.approx(5000, rel=0.06)
    gentle = scipy.signal.butter(1, 1000, fs=32_000, output="sos")
    assert bandwidth(path, scipy.signal.sosfilt(gentle, noise(32_000)), 32_000) == 16_000
    assert bandwidth(path, np.zeros(64_000), 32_000) == 0


def test_bandwidth_of_an_mp3(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", noise(32_000), 32_000, compression_level=0.95)
    wave, rate = soundfile.read(tmp_path / "a.mp3")
    assert bandwidth(tmp_path / "b.wav", wave, rate) < 13_000


def test_empty_bands_and_the_front_end_that_fits() -> None:
    assert empty_share(16_000, FrontEnd()) == 0 and 0.3 < empty_share(4_000, FrontEnd()) < 0.4
    assert [fitting_rate([b] * 3) for b in (4000, 7900, 11_000, 16_000)] == [8_000, 16_000, 22_050, 32_000]
    (line,) = bandwidth_lines(["a", "b", "c"], [4000.0, 4000.0, 3900.0])
    assert "3 of 3 recordings have nothing above 4 kHz" in line and "36% of the 256 mel bands" in line
    assert "sample_rate: 8000" in line and "--space" in line
    (mixed,) = bandwidth_lines(["a", "b", "c"], [4000.0, 16_000.0, 16_000.0])
    assert "1 of 3" in mixed and "the others have more" in mixed
    assert bandwidth_lines(["a", "b"], [16_000.0, 15_500.0]) == [] and bandwidth_lines(["a"], [0.0]) == []
    assert bandwidth_lines(["a"], [4000.0], FrontEnd.for_clip(64, 33, sample_rate=8000, n_fft=1024, window=768)) == []


def test_channels_levels_and_clips_that_cannot_be_used(tmp_path: Path) -> None:
    path, x = tmp_path / "a.wav", noise(8000, 3.0)
    soundfile.write(path, np.stack([x, 0 * x], axis=1), 8000)
    dead = examine(path, 1.0)
    assert "dead" in dead.remark and dead.level == pytest.approx(-20, abs=0.5) and not dead.unusable
    soundfile.write(path, np.stack([x, -x], axis=1), 8000)
    opposite = examine(path, 1.0)
    assert "cancel" in opposite.remark and opposite.level == pytest.approx(-20, abs=0.5) and not opposite.unusable
    soundfile.write(path, np.stack([x, noise(8000, 3.0)], axis=1), 8000)
    assert examine(path, 1.0).remark == ""
    soundfile.write(path, x * 32768, 8000, subtype="FLOAT")
    loud = examine(path, 1.0)
    assert "full scale is 1" in loud.unusable[0] and len(loud.unusable) == loud.clips == 3
    x[9000], x[16_000:] = np.nan, 0.25
    soundfile.write(path, x, 8000, subtype="FLOAT")
    examined = examine(path, 1.0)
    assert examined.clips == 3 and examined.unusable == {1: "NaN or infinite samples", 2: "silent"}


def test_a_file_that_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(8000, 9.0), 8000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    examined = examine(path, 1.0)
    assert examined.clips in (3, 4, 5) and not examined.unusable and "truncated" in examined.damage
    assert examine(path, 3.0).clips == 1


def test_shortcuts_are_found() -> None:
    scenes = [f"s{k % 3}" for k in range(24)]
    places = [str(k) for k in range(24)]
    rng = np.random.default_rng(1)
    found = shortcuts.find(
        scenes,
        places,
        {
            "sample rate": [str(8000 * (1 + k % 3)) for k in range(24)],
            "level": [-50.0 + 15 * (k % 3) + rng.normal() for k in range(24)],
            "recorder": ["phone" if k % 3 else "board" for k in range(24)],
            "bandwidth": rng.uniform(4000, 16_000, 24).tolist(),
            "file format": ["WAV PCM_16"] * 24,
        },
    )
    assert {s.name: round(s.accuracy, 2) for s in found} == {"sample rate": 1.0, "level": 1.0, "recorder": 0.67}
    (line,) = shortcuts.lines(found)
    assert "alone tells the class of 100%, 100%, 67% (chance 33%)" in line and shortcuts.lines([]) == []


def test_a_place_does_not_vouch_for_itself() -> None:
    """One place a class: what tells the place does not tell the class of another place."""
    scenes = ["a"] * 20 + ["b"] * 20
    assert shortcuts.find(scenes, [f"{s} place" for s in scenes], {"recorder": scenes}) == []


def test_a_clean_folder_has_no_shortcut() -> None:
    alarms = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        classes, each = int(rng.integers(2, 8)), int(rng.integers(3, 20))
        scenes = [f"s{k}" for k in range(classes) for _ in range(each)]
        n = len(scenes)
        alarms += len(
            shortcuts.find(
                scenes,
                [str(k) for k in range(n)],
                {
                    "sample rate": rng.choice(["16000", "44100"], n).tolist(),
                    "recorder": [str(v) for v in rng.integers(0, 4, n)],
                    "level": rng.normal(-30, 6, n).tolist(),
                    "bandwidth": rng.uniform(4000, 16_000, n).tolist(),
                },
            )
        )
    assert alarms == 0  # of 320 properties
