"""A file whose header bytes are mended while it is read: pieces of it and other bytes, joined."""

from __future__ import annotations

import bisect
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Piece = bytes | tuple[int, int]  # bytes, or a range (first, end) of the file


class Spliced(io.RawIOBase):
    """A read-only file object that joins pieces; nothing is copied, so it may be as long as the file.

    Args:
        path: The file.
        pieces: What to join.
    """

    def __init__(self, path: Path, pieces: Sequence[Piece]) -> None:
        """See the class."""
        super().__init__()
        self._file = path.open("rb")
        self._pieces = [p for p in pieces if (len(p) if isinstance(p, bytes) else p[1] - p[0]) > 0]
        self._starts: list[int] = []
        end = 0
        for p in self._pieces:
            self._starts.append(end)
            end += len(p) if isinstance(p, bytes) else p[1] - p[0]
        self._end = end
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position.

        Args:
            offset: Where to.
            whence: From where, as of any file.

        Returns:
            The new position.
        """
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer.

        Args:
            buffer: What to fill.

        Returns:
            The number of bytes, less than the buffer's only at the end.
        """
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._at < self._end:
            k = bisect.bisect_right(self._starts, self._at) - 1
            piece, within = self._pieces[k], self._at - self._starts[k]
            if isinstance(piece, bytes):
                got = piece[within : within + len(view) - done]
                view[done : done + len(got)] = got
                count = len(got)
            else:
                self._file.seek(piece[0] + within)
                count = self._file.readinto(view[done : done + min(len(view) - done, piece[1] - piece[0] - within)])
            if count <= 0:
                break
            done += count
            self._at += count
        return done

    def close(self) -> None:
        """Close the file below."""
        self._file.close()
        super().close()
