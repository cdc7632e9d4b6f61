"""What opening a folder needs to know of each recording: length, rate, channels, and the fingerprint of its sound.

An index in the cache holds it by path, size, both times and inode, so that unchanged recordings are not read again.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from hwasc.audio.reading import Header, UnreadableClip, header
from hwasc.data import fingerprints

INDEX = "recordings.index"
VERSION = "1"  # of the lines; a new version reads all recordings anew
CHUNK = 256  # recordings looked at between two updates of the progress
_CELLS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is known of a recording without decoding all of it.

    Attributes:
        seconds: Length in seconds.
        rate: Samples a second of each channel, in Hz.
        channels: Number of channels.
        sketch: Fingerprint of its sound, see `hwasc.data.fingerprints.sketch`; '' if there is none.
    """

    seconds: float
    rate: int
    channels: int
    sketch: str


def probe(
    paths: Sequence[Path], cache: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> list[Probe | str]:
    """Read the header and some excerpts of each recording, or find them in the cache.

    The index is a text file that only grows; the last line of a path counts. Lines that are broken (each has a checksum), or of a
    file that changed, are not used. A cache that cannot be written is read only.

    Args:
        paths: The recordings.
        cache: Folder of the index; None: nothing is kept.
        progress: Called with the files done and in all.

    Returns:
        For each recording what is known of it, or the reason why it cannot be used. It does not depend on the cache.
    """
    index = None if cache is None else cache / INDEX
    known = _read_index(index) if index else {}
    found: list[Probe | str] = []
    new: list[str] = []
    for first in range(0, len(paths), CHUNK):
        chunk = paths[first : first + CHUNK]
        names = [os.path.abspath(path) for path in chunk]
        stamps = [_stamp(name) for name in names]
        old = [known.get(name) for name in names]
        fresh = [o[1] if o and stamp and o[0] == stamp else None for o, stamp in zip(old, stamps, strict=True)]
        looked = iter(_look([path for path, p in zip(chunk, fresh, strict=True) if p is None]))
        for name, stamp, p in zip(names, stamps, fresh, strict=True):
            found.append(now := p or next(looked))
            if p is None and stamp and isinstance(now, Probe) and "\n" not in name:
                new.append(_line(now, stamp, name))
        if progress:
            progress(len(found), len(paths))
    if index and new:
        with suppress(OSError):  # a read-only cache, or a full disk: only time is lost
            index.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{index}.lock"):
                _append(index, new)
    return found


def _look(paths: Sequence[Path]) -> list[Probe | str]:
    found: list[Header | str] = []
    for path in paths:
        try:
            found.append(header(path))
        except UnreadableClip as e:
            found.append(str(e))
    good = [(path, h) for path, h in zip(paths, found, strict=True) if isinstance(h, Header)]
    texts = iter(fingerprints.sketches([path for path, _ in good], [h.seconds for _, h in good]))
    return [
        h if isinstance(h, str) else Probe(seconds=h.seconds, rate=h.rate, channels=h.channels, sketch=next(texts))
        for h in found
    ]


def _stamp(name: str) -> str:
    """Size, both times and inode of a file; '' if there is none."""
    try:
        s = os.stat(name)
    except OSError:
        return ""
    return f"{s.st_size} {s.st_mtime_ns} {s.st_ctime_ns} {s.st_ino}"


def _line(p: Probe, stamp: str, name: str) -> str:
    rest = f"{VERSION}\t{p.seconds!r}\t{p.rate}\t{p.channels}\t{p.sketch}\t{stamp}\t{name}"
    return f"{zlib.crc32(rest.encode('utf-8', 'surrogateescape')):08x}\t{rest}\n"


def _read_index(index: Path) -> dict[str, tuple[str, Probe]]:
    known: dict[str, tuple[str, Probe]] = {}
    try:
        text = index.read_bytes()
    except OSError:
        return known
    for line in text.split(b"\n"):
        checksum, _, rest = line.partition(b"\t")
        if checksum != f"{zlib.crc32(rest):08x}".encode():
            continue
        cells = rest.decode("utf-8", "surrogateescape").split("\t", _CELLS - 1)
        if len(cells) == _CELLS and cells[0] == VERSION:
            _, seconds, rate, channels, sketch, stamp, name = cells
            known[name] = stamp, Probe(seconds=float(seconds), rate=int(rate), channels=int(channels), sketch=sketch)
    return known


def _append(index: Path, lines: Sequence[str]) -> None:
    with index.open("a+b") as f:
        if f.tell() > 0:
            f.seek(-1, os.SEEK_END)
            if f.read(1) != b"\n":  # an earlier write was cut off
                f.write(b"\n")
        f.write("".join(lines).encode("utf-8", "surrogateescape"))
