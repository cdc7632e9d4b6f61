"""Sliding windows against `read_clip` at the same places: blocks of any lengths, rates, channels, formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from hwasc.audio.reading import UnreadableClip, read_clip
from hwasc.audio.recording import Recording
from hwasc.audio.sliding import Slider, recording_windows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, rng = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    for name, rate, channels, length in (
        ("a.wav", 8_000, 1, 3.3),
        ("b.flac", 44_100, 2, 2.0),
        ("c.ogg", 16_000, 1, 4.05),
        ("d.mp3", 22_050, 2, 2.6),
        ("short.wav", 8_000, 1, 0.5),
    ):
        soundfile.write(root / name, 0.1 * rng.standard_normal((round(length * rate), channels)), rate)
    return root


@pytest.mark.parametrize("name", ["a.wav", "b.flac", "c.ogg", "d.mp3"])
@pytest.mark.parametrize("every", [0.25, 1.0, 1.3])
def test_windows_are_the_clips_of_the_recording(folder: Path, name: str, every: float) -> None:
    path = folder / name
    found = list(recording_windows(path, seconds=1.0, every=every, sample_rate=16_000))
    with Recording(path, path.stat()) as f:
        length = f.frames / f.rate
    assert len(found) == 1 + int((length - 1 + 0.01) / every + 1e-9)
    assert [start for start, _ in found] == pytest.approx(np.arange(len(found)) * every)
    for start, wave in found:
        assert isinstance(wave, np.ndarray)
        np.testing.assert_array_equal(wave, read_clip(path, start, 1.0, 16_000))


@settings(max_examples=60, deadline=None)
@given(
    blocks=st.lists(st.integers(0, 300), min_size=1, max_size=40),
    every=st.sampled_from([0.03, 0.1, 0.25, 0.1001, 0.4]),
    channels=st.integers(1, 2),
)
def test_blocks_of_any_lengths_give_the_same_windows(blocks: list[int], every: float, channels: int) -> None:
    rate, seconds = 1000, 0.1
    sound = np.random.default_rng(0).normal(0, 0.1, (sum(blocks), channels)).astype(np.float32)
    slider, found, first = Slider(rate, seconds=seconds, every=every, sample_rate=rate), [], 0
    for length in blocks:
        found += slider.push(sound[first : first + length])
        first += length
        for start, _ in found:
            assert round(start * rate) + 100 <= first, "only of what was pushed"
    found += slider.end()
    starts = [k * every for k in range(len(sound)) if round(k * every * rate) + 99 <= len(sound)]
    assert [start for start, _ in found] == starts
    for start, wave in found:
        begin = round(start * rate)
        assert isinstance(wave, np.ndarray)
        expected = np.pad(sound[begin : begin + 100].mean(1), (0, max(begin + 100 - len(sound), 0)))
        np.testing.assert_allclose(wave, expected, atol=1e-7)


def test_what_cannot_be_used_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableClip, match="too short: 0.50 s of 1 s"):
        list(recording_windows(folder / "short.wav", seconds=1.0, every=1.0, sample_rate=8_000))
    with pytest.raises(UnreadableClip, match="missing"):
        list(recording_windows(folder / "absent.wav", seconds=1.0, every=1.0, sample_rate=8_000))
    sound = np.concatenate([np.full(1000, 0.1), np.zeros(1000), np.full(1000, 0.1)]) * np.tile([1, -1], 1500)
    soundfile.write(tmp_path / "silence.wav", sound, 1000)
    found = list(recording_windows(tmp_path / "silence.wav", seconds=1.0, every=1.0, sample_rate=1000))
    assert [str(w) if isinstance(w, UnreadableClip) else "" for _, w in found] == ["", "silent", ""]
    whole = (folder / "b.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(whole[: len(whole) * 3 // 4])
    windows = recording_windows(tmp_path / "cut.flac", seconds=0.5, every=0.5, sample_rate=8_000)
    assert next(windows)[0] == 0.0
    with pytest.raises(UnreadableClip, match="truncated"):
        list(windows)
    soundfile.write(tmp_path / "loud.wav", 5_000 * sound, 1000, subtype="FLOAT")
    with pytest.raises(UnreadableClip, match="full scale"):
        list(recording_windows(tmp_path / "loud.wav", seconds=1.0, every=1.0, sample_rate=1000))
