"""Reading the waveforms of clips, as recorded or changed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from hwasc.audio.reading import UnreadableClip, read_clips, resampled
from hwasc.audio.waveform_changes import Wave
from hwasc.data.changes import Change
from hwasc.data.clips import Clip
from hwasc.errors import DataError


def waveforms(clips: Sequence[Clip], sample_rate: int, change: Change | None = None) -> Iterator[Wave | UnreadableClip]:
    """Read clips; neighbouring clips of one file are read in one pass.

    Args:
        clips: The clips.
        sample_rate: Of the results, Hz.
        change: What is done to each waveform, at a rate of `Change.least_rate` at least.

    Yields:
        float32 of shape (round(seconds * sample_rate),), or why the clip cannot be used.
    """
    if change is None:
        yield from _read(clips, sample_rate)
        return
    rate = max(sample_rate, change.least_rate)
    partners = {p.id: p for clip in clips if (p := change.partner(clip))}
    in_order = sorted(partners.values(), key=lambda p: (str(p.path), p.start))
    others = {p.id: wave for p, wave in zip(in_order, _read(in_order, rate), strict=True)}
    for clip, wave in zip(clips, _read(clips, rate), strict=True):
        partner = change.partner(clip)
        other = others[partner.id] if partner else None
        try:
            if isinstance(wave, UnreadableClip):
                raise wave
            if isinstance(other, UnreadableClip):
                raise UnreadableClip(f"its partner in a mixture, {partner.id if partner else ''}: {other}")
            changed = change.apply(wave, clip, rate, other)
            yield resampled(changed, seconds=clip.seconds, rate=rate, sample_rate=sample_rate)
        except UnreadableClip as e:
            yield e


def read_waves(clips: Sequence[Clip], sample_rate: int, change: Change | None = None) -> Iterator[Wave]:
    """Read the waveforms of clips that were read before.

    Args:
        clips: Clips whose features could be computed.
        sample_rate: Hz.
        change: What is done to each waveform.

    Yields:
        Waveforms of shape (samples,), full scale 1.

    Raises:
        DataError: A clip cannot be read any more.
    """
    for clip, wave in zip(clips, waveforms(clips, sample_rate, change), strict=True):
        if isinstance(wave, UnreadableClip):
            raise DataError(f"{clip.id}: cannot be read any more ({wave})")
        yield wave


def _read(clips: Sequence[Clip], sample_rate: int) -> Iterator[Wave | UnreadableClip]:
    for (path, seconds), group in itertools.groupby(clips, key=lambda c: (c.path, c.seconds)):
        yield from read_clips(path, [c.start for c in group], seconds, sample_rate)
