"""libsndfile as this package uses it: no seek after each read, and no lines of its MP3 decoder on the terminal."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
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
HAS_PREAD = hasattr(os, "pread")
_lock = threading.Lock()  # standard error is one for all threads


class Decoder:
    """A sound file that is read in order.

    soundfile seeks to the position after each read, which in MP3 changes the samples of the next one and takes time in all
    compressed formats, and cuts a read at the length by the header.

    Args:
        path: The file.
        pieces: Pieces of it to read in its place.

    Attributes:
        file: The open file.
        position: The next sample.
    """

    __slots__ = ("_mp3", "_source", "file", "position")

    def __init__(self, path: Path, pieces: tuple[Piece, ...] | None = None) -> None:
        """See the class."""
        self.position = 0
        self._mp3: bool | None = None
        self._source: int | Spliced = _open(path) if pieces is None else Spliced(path, pieces)
        try:
            if _begins_as_mp3(self._source):
                with quiet():
                    self.file = _InOrder(self._source, closefd=False)
            else:
                self.file = _InOrder(self._source, closefd=False)
        except BaseException:
            _close(self._source)
            raise

    @property
    def can_seek(self) -> bool:
        """Whether libsndfile says that it can seek."""
        return soundfile.SoundFile.seekable(self.file)

    def go_to(self, frame: int) -> None:
        """Seek.

        Args:
            frame: The position from the start of the file.
        """
        with self._quiet():
            self.file.seek(frame)
        self.position = frame

    def next(self, frames: int) -> npt.NDArray[np.float32]:
        """Decode what follows.

        Args:
            frames: The number of samples of each channel.

        Returns:
            float32 of shape (frames, channels); fewer at the end.
        """
        with self._quiet():
            block: npt.NDArray[np.float32] = self.file.read(frames, dtype="float32", always_2d=True)
        self.position += len(block)
        return block

    def close(self) -> None:
        """Close the file."""
        if not self.file.closed:
            self.file.close()
            _close(self._source)

    def __enter__(self) -> Decoder:
        """The open file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def _quiet(self) -> AbstractContextManager[None]:
        if self._mp3 is None:
            self._mp3 = self.file.format == "MP3"
        return quiet() if self._mp3 else nullcontext()


class _InOrder(soundfile.SoundFile):
    """A sound file in which soundfile does not seek of its own accord."""

    def seekable(self) -> bool:
        """Never, as far as soundfile is concerned."""
        return False


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))


def _close(source: int | Spliced) -> None:
    if isinstance(source, Spliced):
        source.close()
    else:
        os.close(source)


def _begins_as_mp3(source: int | Spliced) -> bool:
    """Whether libsndfile may take a file for MP3, which is told by its content, not by its name."""
    if isinstance(source, Spliced):
        head = bytes(source.read(3) or b"")
        source.seek(0)
    else:
        head = os.pread(source, 3, 0) if HAS_PREAD else b"ID3"
    return head[:1] == b"\xff" or head == b"ID3"


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
