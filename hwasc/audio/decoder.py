"""libsndfile as this package uses it: no seek after each read, and no lines of its MP3 decoder on the terminal."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from hwasc.audio.quiet import quiet
from hwasc.audio.splicing import Piece, Spliced

ERRORS = (soundfile.SoundFileError, TypeError, OSError, ValueError)
HAS_PREAD = hasattr(os, "pread")


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
    """Whether libsndfile may take a file for MP3, which it recognises by content, not by name."""
    if isinstance(source, Spliced):
        head = bytes(source.read(3) or b"")
        source.seek(0)
    else:
        head = os.pread(source, 3, 0) if HAS_PREAD else b"ID3"
    return head[:1] == b"\xff" or head == b"ID3"
