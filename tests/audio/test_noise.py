"""Noise on waveforms: its ratio, its colour, the same for every model, and excerpts of recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.audio.noise import COLOURS, coloured_noise, open_noise
from hwasc.audio.reading import UnreadableClip
from hwasc.errors import DataError

RATE = 16_000
WAVE = (0.05 + 0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "street").mkdir()
    soundfile.write(tmp_path / "street" / "long.wav", 0.1 * rng.standard_normal(5 * 8_000), 8_000)
    short = 0.1 * np.sin(2 * np.pi * 100 * np.arange(4_000) / RATE)
    soundfile.write(tmp_path / "short.flac", short, RATE)
    (tmp_path / "notes.txt").write_text("ignored")
    return tmp_path


@pytest.mark.parametrize("snr", [20.0, 0.0, -6.0])
@pytest.mark.parametrize("source", [*COLOURS, "folder"])
def test_the_ratio_is_that_of_the_clips_own_power(source: str, snr: float, folder: Path) -> None:
    noise = open_noise(str(folder) if source == "folder" else source, snr, 0)
    for scale in (1.0, 1e-3):
        added = noise.add_to(scale * WAVE, "a.wav", RATE) - scale * WAVE
        found = 10 * np.log10(np.var(scale * WAVE) / np.var(added))
        assert found == pytest.approx(snr, abs=0.01) and abs(added.mean()) < 1e-4 * scale


@pytest.mark.parametrize("source", COLOURS)
def test_a_clip_has_the_same_noise_at_every_ratio(source: str) -> None:
    def added(snr: float, seed: int = 0, clip: str = "a.wav") -> np.ndarray:
        return open_noise(source, snr, seed).add_to(WAVE, clip, RATE) - WAVE

    assert np.allclose(added(0.0) / added(0.0).std(), added(20.0) / added(20.0).std(), atol=1e-4)
    for other in (added(0.0, seed=1), added(0.0, clip="b.wav")):
        assert abs(np.corrcoef(added(0.0), other)[0, 1]) < 0.1


def test_colours_have_the_right_slope() -> None:
    for colour, octave in (("white", 2.0), ("pink", 1.0)):  # the power of an octave doubles, or stays
        noise = coloured_noise(colour, 20 * RATE, RATE, np.random.default_rng(0))
        power, f = np.abs(np.fft.rfft(noise)) ** 2, np.fft.rfftfreq(len(noise), 1 / RATE)
        sums = [power[(f >= low) & (f < 2 * low)].sum() for low in (100, 200, 400, 800, 1600, 3200)]
        assert np.allclose(np.array(sums[1:]) / sums[:-1], octave, rtol=0.1)
        assert colour == "white" or power[f < 19].sum() < 1e-3 * power.sum()


def test_excerpts_depend_on_the_seed_and_short_recordings_are_repeated(folder: Path, tmp_path: Path) -> None:
    noise = open_noise(str(folder), 0.0, 0)
    assert [f.name for f, _ in noise.files] == ["short.flac", "long.wav"]
    cuts = {c: noise.add_to(WAVE, c, RATE) - WAVE for c in "abcdefgh"}
    repeats = {c for c, cut in cuts.items() if np.allclose(cut[:4_000], cut[8_000:12_000], atol=1e-5)}
    assert 0 < len(repeats) < len(cuts), "both files are drawn"
    for c, cut in cuts.items():
        assert np.array_equal(cut, open_noise(str(folder), 0.0, 0).add_to(WAVE, c, RATE) - WAVE)
    moved = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert np.array_equal(open_noise(str(moved), 0.0, 0).add_to(WAVE, "a", RATE) - WAVE, cuts["a"])


def test_unusable_noise_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither white nor pink nor a folder"):
        open_noise("brown", 0.0, 0)
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    with pytest.raises(UnreadableClip, match=r"its noise, .*a\.wav: silent"):
        open_noise(str(tmp_path), 0.0, 0).add_to(WAVE, "a", RATE)
    (tmp_path / "b.wav").write_text("no")
    with pytest.raises(DataError, match=r"b\.wav: cannot be used as noise"):
        open_noise(str(tmp_path), 0.0, 0)
