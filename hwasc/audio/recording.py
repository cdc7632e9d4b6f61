"""A recording as it can be decoded: its samples in order or from any position."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwasc.audio.decoder import ERRORS, Decoder
from hwasc.audio.plans import BLOCK, BYTES, SLACK, Part, plan
from hwasc.audio.unreadable import UnreadableClip, check_file, reason

NEAR = 4  # seconds ahead that Vorbis is decoded instead of searched: libsndfile 1.2.2 misplaces jumps of less than two
_kept = threading.local()


@contextmanager
def recording(path: Path) -> Iterator[Recording]:
    """Open a recording.

    Where a codec cannot seek, the recording stays open for the next call of the same thread, until another such file is read:
    otherwise the last of 57 chunks of an hour would decode the hour again. The samples are the same, as they are always decoded
    from the start in order.

    Args:
        path: The file.

    Yields:
        The recording.

    Raises:
        UnreadableClip: The file is missing, empty or not audio.
    """
    found = check_file(path)
    key = (path, found.st_size, found.st_mtime_ns, found.st_ino)
    kept: tuple[object, Recording] | None = getattr(_kept, "last", None)
    if kept and kept[0] == key:
        _kept.last = None
        opened = kept[1]
    else:
        opened = Recording(path, found)
    try:
        yield opened
    finally:
        if opened.in_order:
            before = getattr(_kept, "last", None)
            if before:
                before[1].close()
            _kept.last = (key, opened)
        else:
            opened.close()


class Recording:
    """An open recording.

    Args:
        path: The file.
        found: Its size and times.

    Attributes:
        frames: Samples of each channel.
        rate: Sample rate in Hz.
        channels: Number of channels.
        floats: Whether its samples are floating-point numbers, which may have any scale.
        remark: What is wrong with the file, for people; empty if nothing.

    Raises:
        UnreadableClip: The file is not audio.
    """

    def __init__(self, path: Path, found: os.stat_result) -> None:
        """See the class."""
        self.remark = ""
        self.floats = False
        self._path = path
        self._decoder: Decoder | None = None
        self._part = self._warm_up = 0
        self._can_seek = True
        self._parts: tuple[Part, ...] = ()
        try:
            self._decoder = decoder = Decoder(path)
            file = decoder.file
            frames, channels = file.frames, file.channels
            width = BYTES.get(file.subtype, 0) * channels
            self.floats = file.subtype in ("FLOAT", "DOUBLE")
            # In W64, libsndfile takes what follows the samples for samples.
            if width and frames and 0 <= found.st_size - frames * width <= SLACK and file.format != "W64":
                self.frames, self.rate, self.channels = frames, file.samplerate, channels
                return
        except ERRORS:
            pass
        try:
            found_plan = plan(path, found.st_size, found.st_mtime_ns)
            self.frames, self.rate, self.channels = found_plan.frames, found_plan.rate, found_plan.channels
        except BaseException:
            self.close()
            raise
        self.remark, self._parts = found_plan.remark, found_plan.parts
        self._can_seek, self._warm_up = found_plan.can_seek, found_plan.warm_up
        if self._parts[0].pieces is not None:
            self.close()

    @property
    def in_order(self) -> bool:
        """Whether going back to a position means to decode from the start."""
        return not self._can_seek

    def read(self, first: int, frames: int) -> npt.NDArray[np.float32]:
        """Decode an excerpt; cheap right behind the last one.

        Args:
            first: Its first sample.
            frames: Samples of each channel.

        Returns:
            float32 of shape (frames, channels), fewer at the end of the recording.

        Raises:
            UnreadableClip: The file is damaged there.
        """
        blocks: list[npt.NDArray[np.float32]] = []
        start = 0
        try:
            for k, length in enumerate([part.frames for part in self._parts] or [self.frames]):
                end = start + length
                while start <= first < end and frames > 0:
                    block = self._go_to(k, first - start).next(min(frames, end - first))
                    blocks.append(block)
                    first, frames = first + len(block), frames - len(block)
                    if len(block) == 0:
                        frames = 0
                start = end
        except ERRORS as e:
            self.close()  # where the decoder is now is unknown
            raise UnreadableClip(reason(self._path, e)) from None
        if len(blocks) == 1:
            return blocks[0]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.channels), np.float32)

    def blocks(self, frames: int) -> Iterator[npt.NDArray[np.float32]]:
        """Decode the whole recording in order.

        Args:
            frames: Samples of each channel in a block.

        Yields:
            float32 of shape (frames, channels); the last one is shorter.

        Raises:
            UnreadableClip: The file is damaged.
        """
        first = 0
        while first < self.frames:
            block = self.read(first, frames)
            if len(block) == 0:
                break
            yield block
            first += len(block)

    def close(self) -> None:
        """Close the file."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def __enter__(self) -> Recording:
        """The recording."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def _open(self, part: int) -> Decoder:
        self.close()
        self._decoder = decoder = Decoder(self._path, self._parts[part].pieces if self._parts else None)
        self._part = part
        return decoder

    def _go_to(self, part: int, frame: int) -> Decoder:
        decoder = self._decoder
        if decoder is None or part != self._part or (frame < decoder.position and not self._can_seek):
            decoder = self._open(part)
        warm = self._warm_up
        near = max(2 * warm, NEAR * self.rate if decoder.file.subtype == "VORBIS" else 0)
        if self._can_seek and not decoder.position <= frame <= decoder.position + near:
            try:
                decoder.go_to(max(frame - warm, 0))
            except ERRORS:  # of DWVW, libsndfile finds out only now that it cannot
                self._can_seek = False
                decoder = self._open(part)
        while decoder.position < frame:
            if len(decoder.next(min(BLOCK, frame - decoder.position))) == 0:
                break
        return decoder
