"""Reading clips: every rate and number of channels gives the same shape, every broken file a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.audio.reading import UnreadableClip, clip_count, duration, read_clip, read_clips


def tone(rate: int, seconds: float, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def write(path: Path, wave: np.ndarray, rate: int = 8000, **how: str) -> Path:
    soundfile.write(path, wave, rate, **how)
    return path


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_every_rate_and_format_gives_the_tone(tmp_path: Path, rate: int, suffix: str) -> None:
    wave = read_clip(write(tmp_path / f"a.{suffix}", tone(rate, 2.0), rate), 1.0, 1.0, 16000)
    assert wave.shape == (16000,) and wave.dtype == np.float32
    expected = tone(16000, 2.0)[16000:]
    assert np.abs(wave - expected)[200:-200].max() < 0.05


def test_channels_are_averaged(tmp_path: Path) -> None:
    left = tone(8000, 1.0)
    path = write(tmp_path / "a.wav", np.stack([left, 0.2 * tone(8000, 1.0, 1000)], 1))
    assert np.allclose(read_clip(path, 0, 1, 8000), (left + 0.2 * tone(8000, 1.0, 1000)) / 2, atol=1e-4)


def test_only_the_excerpt_is_returned(tmp_path: Path) -> None:
    ramp = np.arange(24000) / 24000
    path = write(tmp_path / "a.wav", ramp, subtype="FLOAT")
    assert np.allclose(read_clip(path, 1.0, 1.0, 8000), ramp[8000:16000])


def test_a_few_lost_samples_are_padded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(8000, 0.995))
    wave = read_clip(path, 0, 1, 8000)
    assert wave.shape == (8000,) and not wave[-40:].any()


def make_nan(path: Path) -> None:
    wave = tone(8000, 1.0)
    wave[5] = np.nan
    write(path, wave, subtype="FLOAT")


def make_infinite(path: Path) -> None:
    wave = tone(8000, 1.0)
    wave[5] = np.inf
    write(path, wave, subtype="FLOAT")


def make_truncated(path: Path) -> None:
    write(path, tone(8000, 1.0))
    path.write_bytes(path.read_bytes()[:3000])


BROKEN = {
    "missing": (lambda path: None, "missing"),
    "empty": (lambda path: path.write_bytes(b""), "empty file"),
    "text": (lambda path: path.write_text("no sound here\n" * 50), "not audio or truncated (format not recognised)"),
    "header only": (lambda path: path.write_bytes(b"RIFF\x00\x00\x00\x00WAVE"), "not audio or truncated"),
    "folder": (lambda path: path.mkdir(), "not audio"),
    "truncated": (make_truncated, "too short: 0.18 s of 1 s"),
    "no samples": (lambda path: write(path, np.zeros(0)), "too short: 0.00 s of 1 s"),
    "too short": (lambda path: write(path, tone(8000, 0.4)), "too short: 0.40 s of 1 s"),
    "silent": (lambda path: write(path, np.zeros(8000)), "silent"),
    "constant": (lambda path: write(path, np.full(8000, 0.25)), "silent"),
    "nan": (make_nan, "NaN or infinite samples"),
    "infinite": (make_infinite, "NaN or infinite samples"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_have_a_reason(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.wav"
    make, reason = BROKEN[kind]
    make(path)
    with pytest.raises(UnreadableClip) as e:
        read_clip(path, 0.0, 1.0, 8000)
    assert str(e.value).startswith(reason)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_truncated_compressed_files_are_refused(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    path = write(tmp_path / f"a.{suffix}", 0.1 * rng.standard_normal(88200), 44100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableClip):
        read_clip(path, 1.0, 1.0, 32000)


def test_an_excerpt_after_the_end_is_too_short(tmp_path: Path) -> None:
    with pytest.raises(UnreadableClip, match="too short"):
        read_clip(write(tmp_path / "a.wav", tone(8000, 1.0)), 5.0, 1.0, 8000)


def test_duration_reads_the_header(tmp_path: Path) -> None:
    assert duration(write(tmp_path / "a.flac", tone(44100, 2.5), 44100)) == 2.5
    (tmp_path / "b.wav").write_text("no")
    with pytest.raises(UnreadableClip, match="not audio"):
        duration(tmp_path / "b.wav")


@pytest.mark.parametrize("length, clips", [(0.5, 0), (0.989, 0), (0.99, 1), (1.0, 1), (1.98, 1), (2.99, 3), (60.0, 60)])
def test_clip_count(length: float, clips: int) -> None:
    assert clip_count(length, 1.0) == clips


@pytest.mark.parametrize(
    ("rate", "kind", "subtype"),
    [
        *((rate, "OGG", "VORBIS") for rate in (8_000, 32_000, 44_100)),
        (48_000, "OGG", "OPUS"),
        (32_000, "MP3", "MPEG_LAYER_III"),
        (32_000, "FLAC", "PCM_16"),
    ],
)
def test_excerpts_are_the_same_whatever_was_read_before(rate: int, kind: str, subtype: str, tmp_path: Path) -> None:
    """libsndfile 1.2.2 misplaces what follows a jump of less than two seconds forward in Ogg Vorbis."""
    rng = np.random.default_rng(0)
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, rng.normal(0, 0.1, 12 * rate).astype(np.float32), rate, format=kind, subtype=subtype)
    whole, _ = soundfile.read(path, dtype="float32")
    starts = [0.0, 0.3, 1.1, 2.9, 5.5, 5.7, 8.9, 11.7, 3.0, 3.4, 4.9]
    for start, wave in zip(starts, read_clips(path, starts, 0.25, rate), strict=True):
        assert isinstance(wave, np.ndarray)
        first = round(start * rate)
        assert np.abs(wave - whole[first : first + len(wave)]).max() < 1e-3, start
