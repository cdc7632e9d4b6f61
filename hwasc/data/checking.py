"""What a data folder holds: every listed file looked at, counted, and compared with the official lists."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hwasc.data import inventory
from hwasc.data.inventory import Inventory
from hwasc.errors import DataError
from hwasc.progress import Reporter

CHUNK = 512  # files that a worker looks at before it says so


def check(
    root: Path, *, quick: bool = False, seconds: float = 1.0, workers: int = 4, reporter: Reporter | None = None
) -> Inventory:
    """Take the inventory of a data folder: TAU 2022 Mobile, other lists in its layout, or a folder of recordings.

    quick: only whether the files are there. seconds: length of a clip. workers: threads; a header takes 30 µs of a core
    and a wait for the disk, and only the waits overlap. Raises DataError where there is nothing that could be counted.
    """
    reporter = reporter or Reporter(quiet=True)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such data folder; check the path")
    entries = inventory.listed(root)
    names = [e.name for e in entries]
    states = inventory.present(root, names)
    if not quick:
        there = [name for name in names if states[name] is None]
        chunks = [there[first : first + CHUNK] for first in range(0, len(there), CHUNK)]
        with reporter.track("headers", len(there)) as update:
            done = 0
            for chunk, found in _inspected(root, chunks, seconds, workers):
                states.update(zip(chunk, found, strict=True))
                done += len(chunk)
                update(done, "files")
    return inventory.take(root, entries, states, seconds, quick)


def _inspected(
    root: Path, chunks: list[list[str]], seconds: float, workers: int
) -> Iterator[tuple[list[str], list[inventory.State]]]:
    pool = ThreadPoolExecutor(workers)
    try:
        yield from zip(chunks, pool.map(lambda chunk: inventory.inspect(root, chunk, seconds), chunks), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C waits for what is being read, not for all
