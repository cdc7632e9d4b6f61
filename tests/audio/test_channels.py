"""Dead channels are left out, channels that cancel give one, samples of another full scale are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.audio.reading import UnreadableClip, decode, levels, read_clip, read_clips
from tests.audio.odd_files import noise

RATE = 8000
A, B, C = (noise(2 * RATE, seed=k)[:, 0] for k in range(3))
NEARLY = 1e-3 * B  # 40 dB below


def write(path: Path, *channels: np.ndarray, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, np.stack(channels, 1), RATE, subtype=subtype)
    return path


@pytest.mark.parametrize(
    "channels, expected, remark",
    [
        ((A, 0 * A), A, "right channel dead: the left one is used"),
        ((0 * A, A), A, "left channel dead: the right one is used"),
        ((A, 0 * A + 0.25), A, "right channel dead: the left one is used"),
        ((NEARLY, A), A, "left channel dead: the right one is used"),
        ((A, -A), A, "channels cancel: left channel is used"),
        ((A, -0.7 * A + 0.01 * B), A, "channels cancel: left channel is used"),
        ((A, 0 * A, B, 0 * A), (A + B) / 2, "channels 2, 4 dead: the others are used"),
        ((0 * A, A, -A), A, "channels cancel: channel 2 is used"),
        ((A, B), (A + B) / 2, ""),
        ((A, A), A, ""),
        ((A, 0.1 * B), (A + 0.1 * B) / 2, ""),
        ((A, -0.5 * A + 0.87 * B), (0.5 * A + 0.87 * B) / 2, ""),
        ((A, B, C), (A + B + C) / 3, ""),
        ((A,), A, ""),
    ],
)
@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16"])
def test_channels(
    tmp_path: Path, channels: tuple[np.ndarray, ...], expected: np.ndarray, remark: str, subtype: str
) -> None:
    path = write(tmp_path / "a.wav", *channels, subtype=subtype)
    for start in (0, 1):
        wave = read_clip(path, start, 1.0, RATE)
        assert np.abs(wave - expected[start * RATE : (start + 1) * RATE]).max() < 2e-4
    found = levels(path)
    assert found.remark == remark and len(found.rms) == len(channels)
    for level, channel in zip(found.rms, channels, strict=True):
        power = np.var(channel)
        assert level == pytest.approx(10 * np.log10(power), abs=0.1) if power > 1e-6 else level < -65


@pytest.mark.parametrize("channels", [(0 * A, 0 * A), (0 * A + 0.5, 0 * A), (0 * A,)])
def test_silence_stays_silence(tmp_path: Path, channels: tuple[np.ndarray, ...]) -> None:
    path = write(tmp_path / "a.wav", *channels)
    with pytest.raises(UnreadableClip, match="^silent$"):
        read_clip(path, 0, 1, RATE)
    assert levels(path).remark == "" and set(levels(path).rms) == {-np.inf}


@pytest.mark.parametrize(
    "scale, advice", [(32768.0, "32768"), (8388608.0, "8388608"), (2147483648.0, "2147483648"), (120.0, "128")]
)
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_floats_of_another_full_scale_are_refused(tmp_path: Path, scale: float, advice: str, subtype: str) -> None:
    path = write(tmp_path / "a.wav", scale * A / np.abs(A).max(), subtype=subtype)
    expected = f"float samples up to {scale:,.0f}: full scale is 1; divide them by {advice}"
    assert levels(path).remark == expected and levels(path).peak == pytest.approx(scale)
    with pytest.raises(UnreadableClip, match="^float samples up to .*: full scale is 1; divide them by " + advice):
        read_clip(path, 0, 1, RATE)


@pytest.mark.parametrize("peak", [0.001, 1.0, 3.9])
def test_floats_about_full_scale_are_as_they_are(tmp_path: Path, peak: float) -> None:
    wave = peak * A / np.abs(A).max()
    path = write(tmp_path / "a.wav", wave)
    assert np.allclose(read_clip(path, 0, 1, RATE), wave[:RATE]) and levels(path).remark == ""


def test_the_whole_file_in_blocks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", A, B)
    blocks = list(decode(path, 1000))
    assert all(b.shape == (1000, 2) for b in blocks) and np.allclose(np.concatenate(blocks), np.stack([A, B], 1))


def test_huge_samples_give_no_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", A * 1e30, -A * 1e30)
    with np.errstate(all="raise"), pytest.raises(UnreadableClip, match=r"float samples up to .e\+29: full scale is 1$"):
        read_clip(path, 0, 1, RATE)


@pytest.mark.parametrize("scale", [32768.0, 8388608.0, 2147483648.0])
def test_the_scale_is_that_of_the_recording(tmp_path: Path, scale: float) -> None:
    """A quiet clip of a file whose samples are not scaled to 1 is refused like the loud ones."""
    wave = 0.3 * np.random.default_rng(0).standard_normal(3 * 8000)
    wave[8000:16000] *= 1e-9
    soundfile.write(tmp_path / "a.wav", scale * wave, 8000, subtype="FLOAT")
    reasons = {str(clip) for clip in read_clips(tmp_path / "a.wav", [0.0, 1.0, 2.0], 1.0, 8000)}
    assert len(reasons) == 1 and "full scale is 1" in reasons.pop()
