"""The streams of an Ogg file that follow each other (RFC 3533); libsndfile reads the first alone."""

from __future__ import annotations

import mmap
from pathlib import Path


def streams(path: Path, size: int) -> list[tuple[int, int]]:
    """Where the streams of a file are.

    Args:
        path: The file.
        size: Its size in bytes.

    Returns:
        Their (first, end) in bytes, at least one.
    """
    with path.open("rb") as f, mmap.mmap(f.fileno(), size, access=mmap.ACCESS_READ) as content:
        starts = _starts(content, size)
    return [(begin, end) for begin, end in zip(starts, [*starts[1:], size], strict=True)]


def _starts(content: mmap.mmap, size: int) -> list[int]:
    starts: list[int] = []
    at, begins = content.find(b"OggS"), False
    while at >= 0 and at + 27 <= size:
        first = bool(content[at + 5] & 2)  # the first page of a stream
        if first and not begins:  # one right behind another is of a stream beside it
            starts.append(at)
        begins = first
        segments = content[at + 26]
        after = at + 27 + segments + sum(content[at + 27 : at + 27 + segments])
        at = after if content[after : after + 4] == b"OggS" else content.find(b"OggS", at + 4)
    return starts or [0]
