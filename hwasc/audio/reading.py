"""Reading recordings: their length, clips of them as mono float32 at a given sample rate, all of their samples, their levels."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from hwasc.audio.channels import to_mono
from hwasc.audio.levels import FULL_SCALE, LevelMeter, Levels, out_of_scale
from hwasc.audio.plans import SHORT, truncated
from hwasc.audio.recording import Recording, recording
from hwasc.audio.unreadable import UnreadableClip, check_file

__all__ = [
    "AUDIO_SUFFIXES",
    "Header",
    "LevelMeter",
    "Levels",
    "UnreadableClip",
    "check_scale",
    "clip_count",
    "decode",
    "duration",
    "header",
    "levels",
    "mono_clip",
    "read_clip",
    "read_clips",
    "resampled",
]

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
    """Properties of a recording.

    Attributes:
        seconds: Length in seconds: what can be decoded, whatever its header says.
        rate: Samples a second of each channel, in Hz.
        channels: Number of channels.
        remark: What is wrong with the file, e.g. `truncated: 7.44 s of 15.00 s`; empty if nothing is.
    """

    seconds: float
    rate: int
    channels: int
    remark: str = ""


def header(path: Path) -> Header:
    """Find out how long a recording is.

    The header is believed if the size of the file, or the last bytes of it, agree with it. Otherwise the samples are counted: by
    the size, by the frames of the codec, or by decoding all of it.

    Args:
        path: The recording.

    Returns:
        Its properties.

    Raises:
        UnreadableClip: The file is missing, empty or not audio.
    """
    with Recording(path, check_file(path)) as f:
        return Header(f.frames / f.rate, f.rate, f.channels, f.remark)


def duration(path: Path) -> float:
    """Length of a recording in seconds, as `header` finds it.

    Args:
        path: The recording.

    Returns:
        Its length.

    Raises:
        UnreadableClip: The file is missing, empty or not audio.
    """
    return header(path).seconds


def read_clip(path: Path, start: float, seconds: float, sample_rate: int) -> npt.NDArray[np.float32]:
    """Read an excerpt of a recording in any format of libsndfile.

    Only the excerpt is decoded, where the codec allows it. The channels are averaged, but for dead ones and such as cancel, and
    soxr (HQ) resamples the result. Samples lost by rounding are replaced by zeros at the end.

    Args:
        path: The recording.
        start: Start of the excerpt in seconds.
        seconds: Length of the excerpt in seconds.
        sample_rate: Sample rate of the result in Hz.

    Returns:
        float32 of shape (round(seconds * sample_rate),), full scale 1.

    Raises:
        UnreadableClip: The file is missing, empty, not audio or truncated; the excerpt is more than 1 % too short, silent
            (all samples equal), contains NaN or infinite values, or is of another full scale than 1.
    """
    (wave,) = read_clips(path, [start], seconds, sample_rate)
    if isinstance(wave, UnreadableClip):
        raise wave
    return wave


def read_clips(
    path: Path, starts: Sequence[float], seconds: float, sample_rate: int
) -> Iterator[npt.NDArray[np.float32] | UnreadableClip]:
    """Read excerpts of a recording in one pass: the file is opened once, and what follows is decoded without seeking.

    Each result is that of `read_clip`.

    Args:
        path: The recording.
        starts: Starts of the excerpts in seconds; best in rising order.
        seconds: Length of each excerpt in seconds.
        sample_rate: Sample rate of the results in Hz.

    Yields:
        For each start, float32 of shape (round(seconds * sample_rate),), or why the excerpt cannot be used.
    """
    try:
        with recording(path) as f:
            check_scale(path, f)
            rate = f.rate
            wanted = round(seconds * rate)
            for start in starts:
                try:
                    mono = mono_clip(f.read(round(start * rate), wanted), seconds, rate)
                    yield resampled(mono, seconds=seconds, rate=rate, sample_rate=sample_rate)
                except UnreadableClip as e:
                    yield e
    except UnreadableClip as e:  # it could not be opened
        for _ in starts:
            yield e


def check_scale(path: Path, opened: Recording) -> None:
    """Refuse a recording of floating-point numbers whose full scale is not 1.

    Args:
        path: The recording.
        opened: The same, open.

    Raises:
        UnreadableClip: Its largest sample is far above 1.
    """
    if opened.floats and (why := out_of_scale(_peak(path, *_identity(path)))):
        raise UnreadableClip(why)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


@functools.lru_cache(maxsize=4096)
def _peak(path: Path, _size: int, _changed: int) -> float:
    """The largest sample of a whole recording of floats: its scale is that of the recording, not of a quiet clip."""
    with Recording(path, check_file(path)) as f:
        peaks = [float(np.abs(block).max()) for block in f.blocks(1 << 18) if len(block)]
    return max((p for p in peaks if math.isfinite(p)), default=0.0)


def decode(path: Path, block: int = 1 << 16) -> Iterator[npt.NDArray[np.float32]]:
    """Decode a whole recording in order.

    Args:
        path: The recording.
        block: Samples of each channel that are decoded at once.

    Yields:
        float32 of shape (samples, channels), full scale 1.

    Raises:
        UnreadableClip: The file is missing, empty or not audio; or, behind what can be decoded, it is damaged or truncated.
    """
    with Recording(path, check_file(path)) as f:
        done = 0
        for samples in f.blocks(block):
            done += len(samples)
            yield samples
    if f.remark or done + SHORT < f.frames:
        raise UnreadableClip(f.remark or truncated(done, f.frames, f.rate))


def levels(path: Path) -> Levels:
    """Decode a whole recording for its levels.

    Args:
        path: The recording.

    Returns:
        Its levels.

    Raises:
        UnreadableClip: The file is missing, empty, not audio, damaged or truncated.
    """
    meter = LevelMeter()
    for samples in decode(path):
        meter.add(samples)
    return meter.levels()


def mono_clip(wave: npt.NDArray[np.float32], seconds: float, rate: int) -> npt.NDArray[np.float32]:
    """One channel of an excerpt, as `read_clip` takes it before it resamples.

    Args:
        wave: The decoded excerpt, float32 of shape (samples, channels).
        seconds: Length of the excerpt in seconds as it was wanted.
        rate: Sample rate in Hz.

    Returns:
        float32 of shape (samples,).

    Raises:
        UnreadableClip: The excerpt cannot be used; the reason is the one that a run gives.
    """
    if len(wave) < round(seconds * rate) * (1 - TOLERANCE):
        raise UnreadableClip(f"too short: {len(wave) / rate:.2f} s of {seconds:g} s")
    if wave.size == 0:
        raise UnreadableClip("silent")
    low, high = float(wave.min()), float(wave.max())  # NaN if one sample is
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UnreadableClip("NaN or infinite samples")
    if max(high, -low) > FULL_SCALE:
        raise UnreadableClip(out_of_scale(max(high, -low)))
    mono = to_mono(wave)
    if low == high or (len(mono) < wave.size and mono.min() == mono.max()):
        raise UnreadableClip("silent")
    return mono


def resampled(mono: npt.NDArray[np.float32], *, seconds: float, rate: int, sample_rate: int) -> npt.NDArray[np.float32]:
    """Resample a clip. Samples lost by rounding are replaced by zeros at the end.

    Args:
        mono: (samples,).
        seconds: Length of the clip in seconds.
        rate: Its sample rate in Hz.
        sample_rate: That of the result in Hz.

    Returns:
        float32 of shape (round(seconds * sample_rate),).
    """
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality="HQ")
    samples = round(seconds * sample_rate)
    return np.pad(mono[:samples], (0, max(samples - len(mono), 0))).astype(np.float32, copy=False)
