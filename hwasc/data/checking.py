"""Checking a data folder: every listed file is read, counted and compared with the official lists."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hwasc.data import inventory
from hwasc.data.folder import list_folder
from hwasc.data.inventory import Inventory
from hwasc.data.layouts import Folder, Options, official_lists
from hwasc.data.left_out import account
from hwasc.errors import DataError
from hwasc.progress import Reporter
from hwasc.records.data_settings import DataSettings

CHUNK = 512  # files that a worker checks between two updates of the progress bar


def check(
    root: Path,
    *,
    quick: bool = False,
    seconds: float | None = None,
    workers: int = 4,
    data: DataSettings | None = None,
    reporter: Reporter | None = None,
) -> Inventory:
    """Check the files of a data folder: TAU 2022 Mobile, other official lists, or a folder of recordings in a known layout.

    Args:
        root: The data folder.
        quick: Check only whether the files exist; read no headers.
        seconds: Length of a clip in seconds; None: that of `data`.
        workers: Number of threads. A header takes 30 µs of a core and a wait for the disk; only the waits overlap.
        data: How the folder is read and split; None: the defaults.
        reporter: Output for progress.

    Returns:
        Counts, unusable files, faults and warnings.

    Raises:
        DataError: There is nothing to count.
    """
    reporter = reporter or Reporter(quiet=True)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such data folder; check the path")
    data = data or DataSettings()
    seconds = seconds or data.seconds
    place = Folder(root, Options.of(data))
    opened = None if official_lists.chosen(place) else list_folder(place)
    entries = inventory.list_entries(root, opened, data)
    names = [e.name for e in entries]
    states = inventory.find_files(root, names)
    if not quick:
        present = [name for name in names if states[name] is None]
        chunks = [present[first : first + CHUNK] for first in range(0, len(present), CHUNK)]
        with reporter.track("headers", len(present)) as update:
            done = 0
            for chunk, found in _read_headers(root, chunks, seconds, workers):
                states.update(zip(chunk, found, strict=True))
                done += len(chunk)
                update(done, "files")
    listing = opened.listing if opened else official_lists.unread(place)
    return inventory.build(
        root,
        entries,
        states,
        seconds=seconds,
        quick=quick,
        opened=opened,
        data=data,
        reasons=account(place.files, listing, names),
    )


def _read_headers(
    root: Path, chunks: list[list[str]], seconds: float, workers: int
) -> Iterator[tuple[list[str], list[inventory.State]]]:
    pool = ThreadPoolExecutor(workers)
    try:
        yield from zip(
            chunks, pool.map(lambda chunk: inventory.read_headers(root, chunk, seconds), chunks), strict=True
        )
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C, wait for the chunks being read, not for all
