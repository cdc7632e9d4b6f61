"""libsndfile as this package uses it: no seek after each read, and no lines of its MP3 decoder on the terminal."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from hwasc.audio.splicing import Piece, Spliced

# How the lines of libmpg123 begin. All else that is written to standard error meanwhile is passed on.
MPG123 = re.compile(
    rb"^(?:\[[^\]\n]*libmpg123[^\n]*|(?:Note|Warning|Error):[^\n]*"
    rb"(?:MPEG|Xing|resync|Skipped|[Ff]rame|ID3|stream|header|bitrate|[Ii]nfo)[^\n]*|)\r?\n",
    re.MULTILINE,
)
ERRORS = (soundfile.SoundFileError, TypeError, OSError, ValueError)
_lock = threading.Lock()  # standard error is one for all threads


class Decoder(soundfile.SoundFile):
    """A sound file that is read in order.

    soundfile seeks to the position after each read, which in MP3 changes the samples of the next one and takes time in all
    compressed formats, and cuts a read at the length by the header.

    Args:
        path: The file.
        pieces: Pieces of it to read in its place.
        mp3: Whether it may be MP3.
    """

    def __init__(self, path: Path, pieces: tuple[Piece, ...] | None = None, mp3: bool = False) -> None:
        """See the class."""
        self._spliced = Spliced(path, pieces) if pieces is not None else None
        with quiet() if mp3 else nullcontext():
            try:
                super().__init__(self._spliced or str(path))
            except BaseException:
                if self._spliced:
                    self._spliced.close()
                raise
        self.can_seek = super().seekable()
        self._is_mp3 = mp3 or self.format == "MP3"
        self.position = 0

    def seekable(self) -> bool:
        """Never, as far as soundfile is concerned."""
        return False

    def go_to(self, frame: int) -> None:
        """Seek.

        Args:
            frame: The position from the start of the file.
        """
        with quiet() if self._is_mp3 else nullcontext():
            self.seek(frame)
        self.position = frame

    def next(self, frames: int) -> npt.NDArray[np.float32]:
        """Decode what follows.

        Args:
            frames: The number of samples of each channel.

        Returns:
            float32 of shape (frames, channels); fewer at the end.
        """
        with quiet() if self._is_mp3 else nullcontext():
            block: npt.NDArray[np.float32] = self.read(frames, dtype="float32", always_2d=True)
        self.position += len(block)
        return block

    def close(self) -> None:
        """Close the file."""
        super().close()
        if getattr(self, "_spliced", None):
            self._spliced.close()  # type: ignore[union-attr]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep libmpg123's lines from standard error; what else is written there meanwhile follows at the end.

    libmpg123 writes to the process' file descriptor, and libsndfile gives no way to stop it. One thread at a time:
    others that want to decode MP3 wait for milliseconds.
    """
    with _lock:
        try:
            sys.stderr.flush()
            caught = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it is closed below
            before = os.dup(2)
        except (OSError, ValueError, AttributeError):  # there is no standard error
            yield
            return
        with caught:
            os.dup2(caught.fileno(), 2)
            try:
                yield
            finally:
                with suppress(OSError, ValueError, AttributeError):
                    sys.stderr.flush()
                os.dup2(before, 2)
                os.close(before)
                _pass_on(caught)


def _pass_on(caught: Any) -> None:
    if caught.seek(0, os.SEEK_END):
        caught.seek(0)
        rest = MPG123.sub(b"", caught.read())
        with suppress(OSError, ValueError, AttributeError):
            while rest:
                rest = rest[os.write(2, rest) :]
