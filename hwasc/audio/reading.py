"""Reading a clip of a recording as mono float32 at a given sample rate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from hwasc.records.file_names import for_c_library

TOLERANCE = 0.01  # share of a clip that may be missing; resampling and encoders lose a few samples

# The formats of libsndfile that have a header; raw formats have none.
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
    """A clip cannot be used. The message is the reason in a few words, for example `silent`."""


def clip_count(duration: float, seconds: float) -> int:
    """Number of whole clips in a recording; the last one may be up to 1 % short.

    Args:
        duration: Length of the recording in seconds.
        seconds: Length of a clip in seconds.

    Returns:
        The number of clips, 0 for a recording that is too short.
    """
    return int(duration / seconds + TOLERANCE)


@dataclass(frozen=True, slots=True)
class Header:
    """Properties of a recording by its header.

    Attributes:
        seconds: Length in seconds.
        rate: Samples a second of each channel, in Hz.
        channels: Number of channels.
    """

    seconds: float
    rate: int
    channels: int


def header(path: Path) -> Header:
    """Read the header of a recording; no samples are decoded.

    Raises:
        UnreadableClip: The file is missing, empty or not audio.
    """
    _check_file(path)
    try:
        with soundfile.SoundFile(for_c_library(path)) as f:
            return Header(seconds=f.frames / f.samplerate, rate=f.samplerate, channels=f.channels)
    except (soundfile.SoundFileError, TypeError, OSError) as e:
        raise UnreadableClip(_reason(e)) from None


def duration(path: Path) -> float:
    """Length of a recording in seconds, by its header.

    Raises:
        UnreadableClip: The file is missing, empty or not audio.
    """
    return header(path).seconds


def read_clip(path: Path, start: float, seconds: float, sample_rate: int) -> npt.NDArray[np.float32]:
    """Read an excerpt of a recording in any format of libsndfile.

    Only the excerpt is decoded. The channels are averaged, and soxr (HQ) resamples the result. Samples lost by rounding are
    replaced by zeros at the end.

    Args:
        path: The recording.
        start: Start of the excerpt in seconds.
        seconds: Length of the excerpt in seconds.
        sample_rate: Sample rate of the result in Hz.

    Returns:
        float32 of shape (round(seconds * sample_rate),), full scale 1.

    Raises:
        UnreadableClip: The file is missing, empty, not audio or truncated; the excerpt is more than 1 % too short, silent
            (all samples equal), or contains NaN or infinite values.
    """
    _check_file(path)
    try:
        with soundfile.SoundFile(for_c_library(path)) as f:
            rate, first, wanted = f.samplerate, round(start * f.samplerate), round(seconds * f.samplerate)
            if first < f.frames:
                f.seek(first)
                wave = f.read(wanted, dtype="float32", always_2d=True)
            else:
                wave = np.zeros((0, 1), np.float32)
    except (soundfile.SoundFileError, TypeError, OSError) as e:
        raise UnreadableClip(_reason(e)) from None
    if len(wave) < wanted * (1 - TOLERANCE):
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
