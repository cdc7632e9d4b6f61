"""One entry of the feature cache: a raw float16 file and the list of unreadable clips."""

from __future__ import annotations

import functools
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 1 << 22  # bytes that are checked at once


class Entry:
    """A folder with `features.f16`, `entry.json`, and `unreadable.txt` if clips were left out.

    An unfinished entry is named `<name>.partial` and has a `journal.jsonl` with a line for each chunk on disk. So a run that
    was stopped resumes after its last complete chunk, even if it was killed. `entry.json` has a checksum (CRC-32) of the features
    and one of itself, the journal one of each chunk: damaged features are computed again.

    Args:
        folder: The folder of the finished entry.
        shape: (mels, frames) of a clip.
    """

    def __init__(self, folder: Path, shape: tuple[int, int]) -> None:
        self.folder, self.shape = folder, shape
        self.array = folder / "features.f16"

    def complete(self) -> bool:
        """Whether the entry exists and is as it was written. A file is read once a process, at some GB a second."""
        try:
            record, s = self._record(), self.array.stat()
            stamp = (s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino)
            return bool(s.st_size == record["bytes"] and _crc(self.array, stamp) == record["crc32"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False

    def damaged(self) -> bool:
        """Whether the entry was finished, and is no longer as it was written."""
        return self.folder.exists() and not self.complete()

    def unreadable(self) -> dict[int, str]:
        """Reasons why clips were left out, by position in the clip list."""
        return {int(i): why for i, why in self._record()["unreadable"].items()}

    @contextmanager
    def writer(self) -> Iterator[Writer]:
        """Open a writer that continues after the last complete chunk of an earlier run."""
        partial = self.folder.with_name(f"{self.folder.name}.partial")
        partial.mkdir(parents=True, exist_ok=True)
        data, journal = partial / self.array.name, partial / "journal.jsonl"
        with data.open("a+b"), journal.open("a+b"):  # creates both files
            pass
        with data.open("r+b") as d, journal.open("r+b") as j:
            yield Writer(self, partial, d, j)

    def _record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.folder / "entry.json").read_text())
        if record.pop("check") != _check(record):
            raise ValueError("entry.json is damaged")
        return record


def _check(record: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(record, sort_keys=True).encode())


@functools.lru_cache(maxsize=1024)
def _crc(path: Path, _: object) -> int:
    """The checksum of a file; computed again when its identity has changed."""
    crc = 0
    with path.open("rb") as f:
        while block := f.read(BLOCK):
            crc = zlib.crc32(block, crc)
    return crc


class Writer:
    """Appends chunks of features to an unfinished entry.

    Attributes:
        clips: Number of clips written so far, with the unreadable ones.
        unreadable: Reasons of the unreadable clips by position.
    """

    def __init__(self, entry: Entry, partial: Path, data: BufferedRandom, journal: BufferedRandom) -> None:
        self._entry, self._partial, self._data, self._journal = entry, partial, data, journal
        self._row = entry.shape[0] * entry.shape[1] * 2
        self.clips = 0
        self._crc = 0  # of all rows on disk
        self.unreadable: dict[int, str] = {}
        self._resume()

    def append(self, features: npt.NDArray[np.float16], unreadable: Mapping[int, str], clips: int) -> None:
        """Append a chunk.

        Args:
            features: Features of the readable clips, float16 of shape (readable clips, mels, frames).
            unreadable: Reasons of the others by their position in the chunk.
            clips: Number of all clips of the chunk.
        """
        if len(features) + len(unreadable) != clips:
            raise ValueError(f"{len(features)} rows and {len(unreadable)} unreadable clips do not make {clips}")
        content = features.astype(np.float16, copy=False).tobytes()
        self._data.write(content)
        _to_disk(self._data)
        self._crc = zlib.crc32(content, self._crc)
        chunk = {"clips": clips, "unreadable": {str(i): why for i, why in unreadable.items()}, "crc32": self._crc}
        line = json.dumps({**chunk, "check": _check(chunk)})
        self._journal.write(line.encode() + b"\n")
        self._journal.flush()  # after the data; a power failure may lose the line, and with it one chunk
        self._count(clips, unreadable)

    def discard(self) -> None:
        """Drop all chunks."""
        for file in (self._data, self._journal):
            file.seek(0)
            file.truncate(0)

    def finish(self, ids: Mapping[int, str]) -> None:
        """Complete the entry and rename its folder.

        Args:
            ids: Ids of the unreadable clips by position, for `unreadable.txt`.
        """
        rows = self.clips - len(self.unreadable)
        unreadable = {str(i): why for i, why in self.unreadable.items()}
        record = {"bytes": rows * self._row, "crc32": self._crc, "unreadable": unreadable}
        if self.unreadable:
            lines = [f"{ids[i]}\t{why}\n" for i, why in self.unreadable.items()]
            (self._partial / "unreadable.txt").write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
        with (self._partial / "entry.json").open("wb") as f:
            f.write(json.dumps({**record, "check": _check(record)}).encode())
            _to_disk(f)
        if self._entry.folder.exists():  # a damaged entry is kept under another name
            os.replace(self._entry.folder, _unused(self._entry.folder))
        os.replace(self._partial, self._entry.folder)
        (self._entry.folder / "journal.jsonl").unlink()

    def _count(self, clips: int, unreadable: Mapping[int, str]) -> None:
        self.unreadable.update({self.clips + int(i): why for i, why in unreadable.items()})
        self.clips += clips

    def _resume(self) -> None:
        end = 0
        for line in self._journal.read().splitlines(keepends=True):
            try:
                chunk = json.loads(line) if line.endswith(b"\n") else None
                if chunk is None or chunk.pop("check") != _check(chunk):
                    break
            except (ValueError, KeyError, TypeError, AttributeError):
                break
            content = self._data.read((chunk["clips"] - len(chunk["unreadable"])) * self._row)
            if zlib.crc32(content, self._crc) != chunk["crc32"]:
                break
            self._crc = chunk["crc32"]
            self._count(chunk["clips"], chunk["unreadable"])
            end += len(line)
        for file, length in ((self._journal, end), (self._data, (self.clips - len(self.unreadable)) * self._row)):
            file.truncate(length)
            file.seek(length)


def _to_disk(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _unused(folder: Path) -> Path:
    number = 1
    while (name := folder.with_name(f"{folder.name}.damaged{number}")).exists():
        number += 1
    return name
