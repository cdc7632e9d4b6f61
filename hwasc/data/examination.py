"""Examination of whole recordings: what only decoding can show of channels, levels, bandwidth, and clips that cannot be used."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hwasc.audio.reading import LevelMeter, UnreadableClip, clip_count, decode, header, read_clips
from hwasc.data.spectrum import Spectrum


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What decoding shows of a recording.

    Attributes:
        rate: Sample rate, Hz.
        channels: Number of channels.
        kind: The file's suffix.
        level: Root mean square of what is used of it, dB of full scale; -inf if it is silent.
        remark: What is wrong with its channels or its scale, in a few words; '' if nothing.
        damage: What is wrong with the file, e.g. that it is truncated; '' if nothing.
        bandwidth: Highest frequency with a sound, Hz; 0 if there is none.
        clips: Whole clips.
        unusable: Why clips cannot be used, by their number.
    """

    rate: int
    channels: int
    kind: str
    level: float
    remark: str
    damage: str
    bandwidth: float
    clips: int
    unusable: dict[int, str] = field(default_factory=dict)


def examine(path: Path, seconds: float) -> Examination:
    """Decode all clips of a recording as a run does.

    Args:
        path: The recording.
        seconds: Length of a clip in seconds.

    Returns:
        What was found.

    Raises:
        UnreadableClip: It cannot be opened, or has no whole clip.
    """
    h = header(path)
    clips = clip_count(h.seconds, seconds)
    if clips < 1:
        raise UnreadableClip(f"too short: {h.seconds:.2f} s of {seconds:g} s")
    spectrum = Spectrum(h.rate, round(clips * seconds * h.rate))
    power, seen = 0.0, 0
    unusable: dict[int, str] = {}
    for k, wave in enumerate(read_clips(path, [k * seconds for k in range(clips)], seconds, h.rate)):
        if isinstance(wave, UnreadableClip):
            unusable[k] = str(wave)
            continue
        spectrum.add(wave)
        power += float(np.vdot(wave, wave))
        seen += len(wave)
    remark, damage = _channels(path) if h.channels > 1 else ("", "")
    return Examination(
        rate=h.rate,
        channels=h.channels,
        kind=path.suffix.lower()[1:],
        level=round(10 * math.log10(power / seen), 2) if power > 0 else -math.inf,
        remark=remark,
        damage=h.remark or damage,
        bandwidth=spectrum.bandwidth(),
        clips=clips,
        unusable=unusable,
    )


def _channels(path: Path) -> tuple[str, str]:
    """What is wrong with the channels of a recording, and with the file behind what its clips need."""
    meter, damage = LevelMeter(), ""
    with np.errstate(all="ignore"):
        try:
            for samples in decode(path):
                meter.add(samples)
        except UnreadableClip as e:
            damage = str(e)
        return meter.levels().remark, damage
