"""Listening to whole recordings: what only decoding can show of channels, levels, bandwidth, and clips that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from hwasc.audio.reading import TOLERANCE, UnreadableClip, clip_count, header
from hwasc.data.acoustics import Spectrum

DEAD = 1e-6  # power of a channel, of the loudest channel's
CANCELLED = 1e-3  # power of the mean of two channels, of their own mean power
FULL_SCALE = 8.0  # greatest sample that a recording may hold; those of 16 bits taken for floats reach 32768
CHUNK = 4.0  # s that are decoded at once


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What decoding shows of a recording.

    Attributes:
        rate: Sample rate, Hz.
        channels: Number of channels.
        kind: Container and sample type, e.g. `WAV PCM_16`.
        level: Root mean square of the loudest channel, dB of full scale; -inf if it is silent.
        peak: Greatest sample, 1 is full scale.
        dead: Channels without sound beside channels with one, from 1 on.
        opposite: Whether two channels cancel each other out.
        bandwidth: Highest frequency with a sound, Hz; 0 if there is none.
        clips: Whole clips.
        unusable: Why clips cannot be used, by their number.
    """

    rate: int
    channels: int
    kind: str
    level: float
    peak: float
    dead: tuple[int, ...]
    opposite: bool
    bandwidth: float
    clips: int
    unusable: dict[int, str] = field(default_factory=dict)

    @property
    def too_loud(self) -> bool:
        """Whether the samples are far beyond full scale, as those of 16 bits that are stored as floats."""
        return self.peak > FULL_SCALE


def listen(path: Path, seconds: float) -> Heard:
    """Decode a whole recording.

    Args:
        path: The recording.
        seconds: Length of a clip in seconds.

    Returns:
        What was heard.

    Raises:
        UnreadableClip: It cannot be opened, or has no whole clip.
    """
    length = header(path).seconds
    clips = clip_count(length, seconds)
    if clips < 1:
        raise UnreadableClip(f"too short: {length:.2f} s of {seconds:g} s")
    try:
        with soundfile.SoundFile(str(path)) as f:
            return _listen(f, seconds, length, clips)
    except (soundfile.SoundFileError, TypeError, OSError) as e:
        raise UnreadableClip(f"not audio or truncated ({getattr(e, 'error_string', e)})".lower()) from None


def _listen(f: soundfile.SoundFile, seconds: float, length: float, clips: int) -> Heard:
    rate, channels = f.samplerate, f.channels
    total = round(length * rate)
    spectrum = Spectrum(rate, total)
    power, mixed, peak, seen = np.zeros(channels), 0.0, 0.0, 0
    unusable: dict[int, str] = {}
    for first, wave in _parts(f, seconds, clips):
        if not len(wave):
            unusable.update((k, f"too short: 0.00 s of {seconds:g} s") for k in range(first, clips))
            break
        for k, clip in _clips(wave, first, clips, seconds=seconds, rate=rate):
            if why := _why(clip, seconds, rate):
                unusable[k] = why
        wave = np.nan_to_num(wave, nan=0.0, posinf=0.0, neginf=0.0)
        power += np.einsum("ij,ij->j", wave, wave, dtype=np.float64)
        mono = wave[:, 0] if channels == 1 else wave.mean(axis=1)
        mixed += float(np.vdot(mono, mono))
        peak = max(peak, float(np.abs(wave).max()))
        spectrum.add(mono if channels == 1 else wave[:, int(np.argmax(power))])
        seen += len(wave)
    loudest = float(power.max())
    dead = tuple(int(c) + 1 for c in np.flatnonzero(power <= DEAD * loudest)) if loudest > 0 and channels > 1 else ()
    live = channels - len(dead)
    return Heard(
        rate=rate,
        channels=channels,
        kind=f"{f.format} {f.subtype}",
        level=round(10 * np.log10(loudest / max(seen, 1)), 2) if loudest > 0 else float("-inf"),
        peak=peak,
        dead=dead,
        opposite=live > 1 and mixed < CANCELLED * float(power.mean()),
        bandwidth=spectrum.bandwidth(),
        clips=clips,
        unusable=unusable,
    )


def _parts(f: soundfile.SoundFile, seconds: float, clips: int) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Some whole clips at a time, with the number of the first; then what is left, with the number of all clips."""
    step = max(1, int(CHUNK / seconds))
    for first in range(0, clips, step):
        start, end = (round(k * seconds * f.samplerate) for k in (first, min(first + step, clips)))
        yield first, f.read(end - start, dtype="float32", always_2d=True)
    while len(rest := f.read(round(CHUNK * f.samplerate), dtype="float32", always_2d=True)):
        yield clips, rest


def _clips(
    wave: npt.NDArray[np.float32], first: int, clips: int, *, seconds: float, rate: int
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """The clips of a part, with their numbers; those that it lacks are empty."""
    offset = round(first * seconds * rate)
    for k in range(first, min(first + max(1, int(CHUNK / seconds)), clips)):
        start, end = (round(i * seconds * rate) - offset for i in (k, k + 1))
        yield k, wave[start:end]


def _why(clip: npt.NDArray[np.float32], seconds: float, rate: int) -> str:
    """Why the run could not use a clip, in its words; '' if it can."""
    if len(clip) < round(seconds * rate) * (1 - TOLERANCE):
        return f"too short: {len(clip) / rate:.2f} s of {seconds:g} s"
    if not np.isfinite(np.dot(clip[:, 0], clip[:, 0])) or not np.isfinite(clip).all():
        return "NaN or infinite samples"
    mono = clip[:, 0] if clip.shape[1] == 1 else clip.mean(axis=1)
    return "silent" if mono[0] == mono[-1] and (mono == mono[0]).all() else ""
