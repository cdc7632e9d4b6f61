"""Reading one clip of a recording as mono float32 at the wanted rate, or saying in a few words why that cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

SLACK = 0.01  # share of a clip that a file may lack; resampling and encoders round a few samples away

# What libsndfile reads by its header; raw formats are left out since they have none.
AUDIO_SUFFIXES = frozenset(
    (
        ".wav",
        ".wave",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".mp3",
        ".aif",
        ".aiff",
        ".aifc",
        ".au",
        ".snd",
        ".caf",
        ".w64",
        ".rf64",
        ".voc",
        ".nist",
        ".sph",
        ".ircam",
        ".sf",
        ".pvf",
    )
)


class UnreadableClip(Exception):
    """A clip that cannot be used; the message is the reason in a few words, e.g. `silent`."""


def clip_count(duration: float, seconds: float) -> int:
    """How many whole clips of `seconds` a recording of `duration` seconds holds; the last may lack 1 %."""
    return int(duration / seconds + SLACK)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself. seconds: its length. rate: samples a second of each channel, Hz."""

    seconds: float
    rate: int
    channels: int


def header(path: Path) -> Header:
    """A recording's header; nothing is decoded. Raises UnreadableClip."""
    _check_file(path)
    try:
        with soundfile.SoundFile(str(path)) as f:
            return Header(f.frames / f.samplerate, f.samplerate, f.channels)
    except (soundfile.SoundFileError, TypeError, OSError) as e:
        raise UnreadableClip(_reason(e)) from None


def duration(path: Path) -> float:
    """Length of a recording in seconds, from its header alone. Raises UnreadableClip."""
    return header(path).seconds


def read_clip(path: Path, start: float, seconds: float, sample_rate: int) -> npt.NDArray[np.float32]:
    """Read `seconds` s from `start` s on, of any libsndfile format, rate and number of channels.

    Returns float32 of shape (round(seconds * sample_rate),), the mean of the channels, full scale at 1, resampled by
    soxr (HQ). Only the excerpt is decoded. A few samples lost to rounding are padded with zeros.

    Raises UnreadableClip: missing, empty, not audio, truncated, too short (more than 1 % lacking), NaN or infinite,
    silent (all samples equal).
    """
    _check_file(path)
    try:
        with soundfile.SoundFile(str(path)) as f:
            rate, first, wanted = f.samplerate, round(start * f.samplerate), round(seconds * f.samplerate)
            if first < f.frames:
                f.seek(first)
                wave = f.read(wanted, dtype="float32", always_2d=True)
            else:
                wave = np.zeros((0, 1), np.float32)
    except (soundfile.SoundFileError, TypeError, OSError) as e:
        raise UnreadableClip(_reason(e)) from None
    if len(wave) < wanted * (1 - SLACK):
        raise UnreadableClip(f"too short: {len(wave) / rate:.2f} s of {seconds:g} s")
    if not np.isfinite(wave).all():
        raise UnreadableClip("NaN or infinite samples")
    mono = wave[:, 0] if wave.shape[1] == 1 else wave.mean(axis=1)
    if mono.size == 0 or (mono == mono[0]).all():
        raise UnreadableClip("silent")
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality="HQ")
    samples = round(seconds * sample_rate)
    return np.pad(mono[:samples], (0, max(samples - len(mono), 0))).astype(np.float32, copy=False)


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise UnreadableClip("missing") from None
    except OSError as e:
        raise UnreadableClip(e.strerror or "cannot be opened") from None
    if size == 0:
        raise UnreadableClip("empty file")


def _reason(error: Exception) -> str:
    message = getattr(error, "error_string", str(error)).rstrip(". ").lower()
    return f"not audio or truncated ({message})"
