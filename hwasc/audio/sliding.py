"""Windows that slide over a recording, over samples from elsewhere, or over what a microphone hears."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwasc.audio.reading import TOLERANCE, check_scale, mono_clip, resampled
from hwasc.audio.recording import Recording
from hwasc.audio.unreadable import UnreadableClip, check_file

BLOCK = 1 << 16  # samples of each channel that are decoded at once
Wave = npt.NDArray[np.float32]
Window = tuple[float, Wave | UnreadableClip]  # where it begins, s; float32 (samples,), or why it cannot be used


class Slider:
    """Cuts windows out of sound that comes in blocks. Each is what `read_clips` reads at its start.

    Args:
        rate: Sample rate of the blocks, Hz.
        seconds: Length of a window, s.
        every: From the start of a window to that of the next, s.
        sample_rate: Of the windows, Hz.
    """

    def __init__(self, rate: int, *, seconds: float, every: float, sample_rate: int) -> None:
        self._rate, self._seconds, self._every, self._sample_rate = rate, seconds, every, sample_rate
        self._wanted = round(seconds * rate)
        self._held: Wave = np.zeros((0, 1), np.float32)
        self._first = 0  # number of the first sample that is held
        self._number = 0  # of the next window

    def push(self, block: Wave) -> list[Window]:
        """Take samples.

        Args:
            block: float32 (samples, channels) at full scale 1, as many channels each time.

        Returns:
            The windows whose last samples have come with these.
        """
        self._held = np.concatenate([self._held, block]) if len(self._held) else block
        found = []
        while self._first + len(self._held) >= self._begin + self._wanted:
            found.append(self._cut())
        spent = min(max(self._begin - self._first, 0), len(self._held))
        self._held, self._first = self._held[spent:], self._first + spent
        return found

    def end(self) -> list[Window]:
        """The last window, which may be up to 1 % short; none where more than that is missing."""
        missing = self._begin + self._wanted - self._first - len(self._held)
        return [self._cut()] if missing <= self._wanted * TOLERANCE else []

    @property
    def _begin(self) -> int:
        return round(self._number * self._every * self._rate)

    def _cut(self) -> Window:
        start, begin = self._number * self._every, self._begin - self._first
        self._number += 1
        try:
            mono = mono_clip(self._held[begin : begin + self._wanted], self._seconds, self._rate)
            return start, resampled(mono, seconds=self._seconds, rate=self._rate, sample_rate=self._sample_rate)
        except UnreadableClip as e:
            return start, e


def recording_windows(path: Path, *, seconds: float, every: float, sample_rate: int) -> Iterator[Window]:
    """Cut windows out of a recording, which is decoded once, in order.

    Args:
        path: The recording.
        seconds: Length of a window, s.
        every: From the start of a window to that of the next, s.
        sample_rate: Of the windows, Hz.

    Yields:
        The windows, see `Slider`.

    Raises:
        UnreadableClip: The file is missing, empty, not audio or shorter than a window; or, behind the windows that were
            yielded, it is damaged.
    """
    with Recording(path, check_file(path)) as f:
        check_scale(path, f)
        slider, found = Slider(f.rate, seconds=seconds, every=every, sample_rate=sample_rate), 0
        for block in f.blocks(BLOCK):
            for window in slider.push(block):
                found += 1
                yield window
        last = slider.end()
        yield from last
        if not found and not last:
            raise UnreadableClip(f"too short: {f.frames / f.rate:.2f} s of {seconds:g} s")
        if f.remark:
            raise UnreadableClip(f.remark)
