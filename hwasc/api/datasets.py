"""Data: open a workspace on it, fetch a public data set, check what a folder holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hwasc.errors import UsageError
from hwasc.progress import Reporter
from hwasc.records.earlier_run import read_run
from hwasc.records.settings import Settings

if TYPE_CHECKING:
    from hwasc.data.fetching import FetchResult
    from hwasc.data.inventory import Inventory
    from hwasc.workspace import Workspace


def open(
    data: str | Path | None = None,
    *,
    seed: int | None = None,
    settings: Settings | Mapping[str, Any] | str | Path | None = None,
    overrides: Sequence[str] = (),
    like: str | Path | None = None,
    cache: str | Path | None = None,
    device: str = "auto",
    workers: int = 1,
    progress: bool = True,
    split: Literal["test", "all"] = "test",
    later: bool = False,
) -> Workspace:
    """Open a data set, with the settings, the cache and the device that every verb starts from.

    Args:
        data: TAU 2022 Mobile, a folder of recordings, or None for the embedded simulated scenes.
        seed: Every random draw follows from it; None: the settings'.
        settings: The whole tree, a settings file (YAML), or a mapping of what differs from the defaults, nested or with
            dotted names: `{"distill.train.epochs": 100}`.
        overrides: Single settings as text, `"a.b=c"`.
        like: A run folder. Where `data`, `settings` or `cache` are None, those of that run are used.
        cache: Folder of features, teachers and logits; None: `$HWASC_CACHE` or `~/.cache/hwasc`.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        workers: Processes on this machine. No result depends on their number.
        progress: Whether progress is shown on standard error.
        split: `test` draws the splits, or takes the official ones. `all` is for `hwasc.evaluate` on a folder that is all new:
            every clip is a test clip, and any number of places and scenes will do.
        later: Whether a folder is read when a verb first needs its clips, after all other inputs were looked at. By default what
            is wrong with it is said at once.

    Returns:
        The workspace.

    Raises:
        DataError: The folder cannot be used.
        UsageError: A setting is unknown or wrong, or the device is not there.

    Example:
        >>> import hwasc
        >>> ws = hwasc.open("my_recordings", seed=0)  # doctest: +SKIP
    """
    from hwasc.workspace import open_workspace

    reporter = Reporter(quiet=not progress)
    if like is not None:
        earlier = read_run(Path(like))
        settings = earlier.settings if settings is None else settings
        data = earlier.data if data is None else data
        if earlier.inputs is not None:
            cache = earlier.inputs.cache if cache is None else cache
        known = {"data": data, "cache": cache}
        reporter.say(f"continues {like}: " + ", ".join(f"{k} {v}" for k, v in known.items() if v is not None))
    if not isinstance(settings, Settings):
        settings = Settings.load(settings, overrides, seed)
    elif overrides or seed is not None:
        settings = settings.changed(overrides, seed)
    return open_workspace(
        data,
        settings,
        cache=None if cache is None else Path(cache),
        device=device,
        workers=workers,
        reporter=reporter,
        split=split,
        later=later,
    )


def fetch(
    name: str,
    folder: str | Path,
    *,
    url: str | None = None,
    subsets: str | None = None,
    keep_archives: bool = False,
    progress: bool = True,
) -> FetchResult:
    """Download and unpack a public data set; the same call resumes what was interrupted.

    Args:
        name: `tau2022`: TAU Urban Acoustic Scenes 2022 Mobile, about 27.5 GB.
        folder: A new folder, or one that was fetched into before.
        url: The JSON of another record or of a mirror; None: the data set's public record.
        subsets: Where the DCASE subset lists lie, or `none`; None: the DCASE 2024 baseline's release.
        keep_archives: Whether an archive stays once it is unpacked.
        progress: Whether progress is shown on standard error.

    Returns:
        How many files and archives there are.

    Raises:
        UsageError: The name is unknown, or an address is none.
        HwascError: A download failed, or the disk is too small.
    """
    from hwasc.data import fetching

    if name not in fetching.SOURCES:
        raise UsageError(f"{name}: no data set of this name can be fetched (known: {', '.join(fetching.SOURCES)})")
    for address in (url, subsets):
        if address != "none":
            _check_address(address)
    return fetching.fetch(
        fetching.SOURCES[name],
        Path(folder),
        url=url,
        subsets=subsets,
        keep_archives=keep_archives,
        reporter=Reporter(quiet=not progress),
    )


def fetch_net(
    name: str,
    *,
    cache: str | Path | None = None,
    file: str | Path | None = None,
    url: str | None = None,
    progress: bool = True,
) -> Path:
    """Put a public pretrained net into the cache, where teachers find it (`docs/teachers.md`).

    Args:
        name: `yamnet`: 4 MB, Apache-2.0.
        cache: Folder of caches; None: `$HWASC_CACHE` or `~/.cache/hwasc`.
        file: A file that you have, which is copied; None: the net is downloaded.
        url: Address of a mirror; None: where it was published.
        progress: Whether progress is shown on standard error.

    Returns:
        The file in the cache.

    Raises:
        UsageError: The name is unknown, or the address is none.
        DataError: The file is another than the published one.
        HwascError: The download failed.
    """
    from hwasc.data.cache_folder import default_cache
    from hwasc.data.nets import NETS
    from hwasc.data.nets import fetch_net as fetched

    if name not in NETS:
        raise UsageError(f"{name}: no net of this name can be fetched (known: {', '.join(NETS)})")
    _check_address(url)
    folder = default_cache() if cache is None else Path(cache)
    return fetched(
        name, folder, file=None if file is None else Path(file), url=url, reporter=Reporter(quiet=not progress)
    )


def _check_address(address: str | None) -> None:
    if address is not None and not address.startswith(("https://", "http://")):
        raise UsageError(
            f"{address}: expected an address that begins with https:// (or http://, of a server of your own)"
        )


def check(
    folder: str | Path,
    *,
    quick: bool = False,
    seconds: float | None = None,
    workers: int = 4,
    settings: Settings | None = None,
    cache: str | Path | None = None,
    progress: bool = True,
) -> Inventory:
    """Decode what a data folder holds, count it, and compare it with the official lists where it is TAU 2022 Mobile.

    Args:
        folder: TAU 2022 Mobile, or a folder of recordings.
        quick: Whether only the presence of files is looked at; nothing is decoded.
        seconds: Length of a clip, s; None: the setting `data.seconds`.
        workers: Files that are decoded at once.
        settings: How the folder is read and split (`data`, `seed`); None: the defaults.
        cache: Folder in which later runs find the lengths and fingerprints of the recordings; None: `$HWASC_CACHE` or
            `~/.cache/hwasc`.
        progress: Whether progress is shown on standard error.

    Returns:
        What is there, what should be, and what is wrong (`faults`).

    Raises:
        DataError: The folder cannot be used at all.
    """
    from hwasc.data import checking
    from hwasc.data.cache_folder import default_cache

    return checking.check(
        Path(folder),
        quick=quick,
        seconds=seconds,
        workers=workers,
        data=settings.data if settings else None,
        seed=settings.seed if settings else 0,
        cache=default_cache() if cache is None else Path(cache),
        reporter=Reporter(quiet=not progress),
    )
