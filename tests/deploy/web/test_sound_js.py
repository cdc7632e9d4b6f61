"""The page reads WAV files, mixes channels and cuts windows as training does."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf

from hwasc.audio.reading import UnreadableClip
from hwasc.audio.sliding import recording_windows
from tests.deploy.web.javascript import evaluate, needs_node

pytestmark = needs_node

RATE = 8_000
WINDOWS = """
import { readWav, windows } from "./sound.js";
const wav = readWav(new Uint8Array(Buffer.from(value.file, "base64")).buffer);
result = wav && [...windows(wav, value.seconds)].map(({ start, samples, reason }) => ({
  start, reason, samples: samples && Buffer.from(samples.buffer).toString("base64"),
}));
"""


def in_javascript(path: Path, seconds: float) -> Any:
    return evaluate(WINDOWS, {"file": base64.b64encode(path.read_bytes()).decode(), "seconds": seconds})


def noise(samples: int, channels: int, seed: int = 0) -> npt.NDArray[np.float64]:
    return 0.1 * np.random.default_rng(seed).standard_normal((samples, channels))


def dead() -> npt.NDArray[np.float64]:
    return noise(2 * RATE, 2) * [1, 1e-3]


def opposite() -> npt.NDArray[np.float64]:
    return noise(2 * RATE, 1) * [1, -0.9]


def half_silent() -> npt.NDArray[np.float64]:
    return np.concatenate([noise(RATE, 1), np.zeros((RATE, 1)), noise(RATE - 40, 1)])


@pytest.mark.parametrize(
    ("sound", "subtype"),
    [
        *(
            (noise(3 * RATE + 77, 1), subtype)
            for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
        ),
        (noise(2 * RATE, 2), "PCM_16"),
        (noise(2 * RATE, 5), "FLOAT"),
        (dead(), "PCM_16"),
        (opposite(), "PCM_24"),
        (half_silent(), "PCM_16"),
        (np.concatenate([noise(RATE, 1), 40 * noise(RATE, 1)]), "PCM_16"),
    ],
)
@pytest.mark.parametrize("seconds", [1.0, 0.3])
def test_windows_are_those_of_training(
    tmp_path: Path, sound: npt.NDArray[np.float64], subtype: str, seconds: float
) -> None:
    path = tmp_path / "sound.wav"
    sf.write(path, sound, RATE, subtype=subtype)
    expected = list(recording_windows(path, seconds=seconds, every=seconds, sample_rate=RATE))
    found = in_javascript(path, seconds)
    assert [w["start"] for w in found] == pytest.approx([start for start, _ in expected])
    for window, (_, wave) in zip(found, expected, strict=True):
        assert ("reason" in window) == isinstance(wave, UnreadableClip)
        if not isinstance(wave, UnreadableClip):
            np.testing.assert_array_equal(np.frombuffer(base64.b64decode(window["samples"]), "<f4"), wave)


def test_samples_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    sound = noise(2 * RATE, 1)
    sound[3] = np.nan
    sf.write(tmp_path / "sound.wav", sound, RATE, subtype="FLOAT")
    assert [w.get("reason") for w in in_javascript(tmp_path / "sound.wav", 1.0)] == [
        "samples that are no numbers",
        None,
    ]


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt ", b"fLaC" + bytes(100), bytes(1_000)])
def test_other_files_are_left_to_the_browser(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sound.wav").write_bytes(content)
    assert in_javascript(tmp_path / "sound.wav", 1.0) is None


def test_a_cut_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    sf.write(tmp_path / "sound.wav", noise(3 * RATE, 1), RATE, subtype="PCM_16")
    whole = (tmp_path / "sound.wav").read_bytes()
    (tmp_path / "sound.wav").write_bytes(whole[: 44 + 2 * RATE + 101])
    assert len(in_javascript(tmp_path / "sound.wav", 1.0)) == 1
