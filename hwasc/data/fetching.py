"""Fetching a public data set: its archives are downloaded, checked and unpacked one after the other."""

from __future__ import annotations

import json
import lzma
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin

import filelock
import httpx

from hwasc.data import tau
from hwasc.data.download import Remote, Say, check_address, connect, download, read
from hwasc.data.official import subset_faults
from hwasc.data.unpack import disk_size, unpack
from hwasc.errors import DataError, HwascError
from hwasc.progress import Reporter, Update
from hwasc.records.plain_values import listed

ARCHIVES = "archives"  # folder of the downloads, and of a list of files for each unpacked archive
SUBSETS = "split_setup"
OTHER_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".z01", ".gz", ".zst")
GROWTH = 1.2  # greatest ratio of unpacked to packed size; 24-bit audio has about 1.1, and files fill whole disk blocks
MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Source:
    """A public data set.

    Attributes:
        title: Name and authors.
        record: Address of its record in JSON.
        page: Address of its page.
        terms: Terms of use.
        subsets: Address of the folder of split5.csv ... split50.csv.
    """

    title: str
    record: str
    page: str
    terms: str
    subsets: str


SOURCES: Mapping[str, Source] = {
    "tau2022": Source(
        title="TAU Urban Acoustic Scenes 2022 Mobile, development dataset "
        "(Heittola, Mesaros, Virtanen; Tampere University)",
        record="https://zenodo.org/api/records/6337421",
        page="https://zenodo.org/records/6337421",
        terms="for experimental and non-commercial use only",
        subsets="https://github.com/CPJKU/dcase2024_task1_baseline/releases/download/files/",
    )
}


@dataclass(frozen=True, kw_only=True)
class FetchResult:
    """Result of a call of `fetch`.

    Attributes:
        root: The data folder.
        archives: Number of archives of the data set.
        unpacked: Number of archives that this call unpacked.
        files: Number of files of all archives.
        received: Bytes received over the network.
        subsets: Names of the subset lists.
    """

    root: str
    archives: int
    unpacked: int
    files: int
    received: int
    subsets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DiskNeed:
    """Disk space, in bytes.

    Attributes:
        download: Bytes to download.
        unpacked: Estimated size of the unpacked files.
        peak: Greatest size of archives and unpacked files at one time.
        free: Free space on the disk.
    """

    download: int
    unpacked: int
    peak: int
    free: int


def fetch(
    source: Source,
    root: Path,
    *,
    url: str | None = None,
    subsets: str | None = None,
    keep_archives: bool = False,
    reporter: Reporter | None = None,
) -> FetchResult:
    """Fetch a data set, or the missing parts of it. An interrupted call can be repeated and continues.

    Args:
        source: The data set.
        root: A new or empty folder, or one of an earlier call.
        url: Address of another record in JSON (`files`: `key`, `size`, `checksum`, `links.self`; without links the files are
            in the same folder as the record).
        subsets: Address of another folder of subset lists; `none` leaves them out.
        keep_archives: Do not remove an archive after it is unpacked.
        reporter: Output for progress.

    Returns:
        Numbers of archives, files and received bytes.

    Raises:
        HwascError: The record is not valid, the folder has other files, the disk is too small, the server fails or sends
            another file than the record states, or an archive has paths outside of the folder.
        DataError: The subset lists break their rules.
    """
    reporter = reporter or Reporter(quiet=True)
    with _locked_archives(root) as folder, connect(*filter(None, (url, subsets))) as client:
        archives = read_record(url or source.record, client, reporter.say)
        files = {a.name: _unpacked_files(folder, root, a) for a in archives}
        pending = [a for a in archives if files[a.name] is None]
        need = disk_need(folder, root, pending, keep_archives)
        reporter.say(_describe(need, root, pending=len(pending), archives=len(archives), keep=keep_archives))
        if need.peak > need.free:
            raise HwascError(
                f"{root}: {disk_size(need.peak)} are needed, {disk_size(need.free)} are free, "
                f"{disk_size(need.peak - need.free)} are missing; free some space or name a folder on another disk"
            )
        received = 0
        with reporter.track("fetching, MB", need.download // MB) as update:
            for archive in pending:
                received += _download_and_unpack(
                    archive,
                    folder=folder,
                    root=root,
                    client=client,
                    update=update,
                    before=received,
                    say=reporter.say,
                    keep=keep_archives,
                )
                files[archive.name] = _unpacked_files(folder, root, archive)
        lists = () if subsets == "none" else _fetch_subsets(subsets or source.subsets, root, client, reporter.say)
    count = sum(len(f or ()) for f in files.values())
    return FetchResult(
        root=str(root),
        archives=len(archives),
        unpacked=len(pending),
        files=count,
        received=received,
        subsets=lists,
    )


def read_record(url: str, client: httpx.Client, say: Say) -> list[Remote]:
    """Read the zip archives of a Zenodo record.

    Args:
        url: Address of the record in JSON.
        client: From `download.connect`.
        say: Called with lines for the user.

    Returns:
        The archives, small ones first, so that the lists are fetched before the audio.

    Raises:
        HwascError: The record cannot be read, or has no zip archives.
    """
    try:
        record = json.loads(read(url, client, say))
        names = [str(file["key"]) for file in record["files"]]
        archives = [_remote(url, file) for file in record["files"] if str(file["key"]).endswith(".zip")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise HwascError(
            f"{url}: is not the JSON of a record ({type(e).__name__}: {e}); Zenodo's is at https://zenodo.org/api/records/NUMBER"
        ) from None
    others = [name for name in names if name.lower().endswith(OTHER_ARCHIVES)]
    if not archives:
        found = f" (it names {listed(others)}, which are not unpacked here)" if others else ""
        raise HwascError(f"{url}: names no zip archives{found}; check the address, or fetch and unpack by hand")
    if others:
        say(
            f"left out, as only zip archives are unpacked: {listed(others)}; fetch and unpack them by hand if you need them"
        )
    for archive in archives:
        try:
            check_address(archive.url, client)
        except HwascError as e:
            raise HwascError(f"{url}: the record's link of {archive.name} cannot be followed: {e}") from None
    return sorted(archives, key=lambda a: a.size or 0)


def disk_need(folder: Path, root: Path, pending: Sequence[Remote], keep_archives: bool) -> DiskNeed:
    """Estimate the disk space for archives that are fetched and unpacked one after the other.

    Args:
        folder: Folder of the archives.
        root: The data folder.
        pending: Archives that are not unpacked yet.
        keep_archives: Archives are not removed after they are unpacked.

    Returns:
        The space needed, and the space free.
    """
    missing, used, peak = 0, 0, 0
    for archive in pending:
        size = archive.size or 0
        received = sum(_size(folder / f"{archive.name}{suffix}") for suffix in ("", ".part"))
        missing += max(0, size - received)
        used += max(0, size - received)
        peak = max(peak, used + round(GROWTH * size))
        used += round(GROWTH * size) - (0 if keep_archives else size)
    unpacked = round(GROWTH * sum(a.size or 0 for a in pending))
    return DiskNeed(download=missing, unpacked=unpacked, peak=peak, free=shutil.disk_usage(root).free)


def _describe(need: DiskNeed, root: Path, *, pending: int, archives: int, keep: bool) -> str:
    if not pending:
        return f"{root}: all {archives} archives are unpacked and their files exist"
    after = "kept" if keep else "removed after it is unpacked"
    return (
        f"disk: {disk_size(need.download)} to download ({pending} of {archives} archives), about "
        f"{disk_size(need.unpacked)} unpacked; at most {disk_size(need.peak)} at one time (each archive is {after}), "
        f"{disk_size(need.free)} are free on {root}"
    )


def _remote(url: str, file: Mapping[str, Any]) -> Remote:
    name, size, checksum = str(file["key"]), int(file["size"]), str(file["checksum"])
    kind, _, md5 = checksum.partition(":")
    if PurePosixPath(name).name != name or "\\" in name or name.startswith("."):
        raise HwascError(
            f"{url}: the record names '{name}', which is not a file name; nothing was fetched. Check the address, or "
            "name another record by --url"
        )
    if kind != "md5" or size < 0:
        raise ValueError(f"{name} has no MD5 and size")
    links = file.get("links") or {}
    return Remote(name, urljoin(url, links.get("content") or links.get("self") or name), size, md5.lower())


@contextmanager
def _locked_archives(root: Path) -> Iterator[Path]:
    """Lock the folder of the archives. Error if the data folder has files that `fetch` did not write."""
    folder = root / ARCHIVES
    if root.exists() and not folder.is_dir() and (not root.is_dir() or any(root.iterdir())):
        raise HwascError(
            f"{root}: has files that this command did not write; name a new or an empty folder. If it is the data set, "
            f"unpacked by hand, `hwasc data check {root}` compares it with the official lists"
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / ".lock", timeout=1):
            yield folder
    except filelock.Timeout:
        raise HwascError(f"{root}: another command is fetching into this folder; wait for it to end") from None


def _download_and_unpack(
    archive: Remote,
    *,
    folder: Path,
    root: Path,
    client: httpx.Client,
    update: Update,
    before: int,
    say: Say,
    keep: bool,
) -> int:
    """Download and unpack one archive. before: bytes that earlier archives received. Returns the bytes received."""
    path = folder / archive.name
    first: list[int] = []  # bytes that an earlier call received

    def progress(there: int) -> None:
        if not first:
            first.append(there)
        update((before + max(0, there - first[0])) // MB, archive.name)

    received = download(archive, path, client, progress=progress, say=say)
    if not received:
        say(f"unpacking {archive.name}")
    files = unpack(
        path,
        root,
        top_folder=archive.name.partition(".")[0],
        progress=lambda done, total: update((before + received) // MB, f"unpacking {archive.name}: {done:,}/{total:,}"),
    )
    _write_marker(folder, archive, files)
    if not keep:
        path.unlink()
    return received


def _write_marker(folder: Path, archive: Remote, files: Mapping[str, int]) -> None:
    """Record the files of an unpacked archive, so that it is fetched again only if one of them is missing."""
    marker = folder / f"{archive.name}.unpacked"
    partial = marker.with_name(f"{marker.name}.part")
    partial.write_bytes(lzma.compress(json.dumps({"md5": archive.md5, "files": files}).encode(), preset=1))
    os.replace(partial, marker)


def _unpacked_files(folder: Path, root: Path, archive: Remote) -> dict[str, int] | None:
    """Sizes of the archive's files by name, if it was unpacked and all of them still exist."""
    try:
        record = json.loads(lzma.decompress((folder / f"{archive.name}.unpacked").read_bytes()))
        files: dict[str, int] = record["files"]
        whole = record["md5"] == archive.md5 and all(_size(root / name) == size for name, size in files.items())
    except (OSError, lzma.LZMAError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return files if whole else None


def _fetch_subsets(base: str, root: Path, client: httpx.Client, say: Say) -> tuple[str, ...]:
    """Fetch the DCASE subset lists. They are published without checksums, so their rules are checked instead."""
    folder = root / SUBSETS
    folder.mkdir(exist_ok=True)
    for name in tau.SUBSETS:
        file = f"split{name}.csv"
        download(Remote(file, urljoin(f"{base.removesuffix('/')}/", file)), folder / file, client, say=say)
    train = tau.read_lists(root)[1]
    try:
        faults = subset_faults(train, tau.read_subsets(root))
    except DataError as e:
        faults = [str(e)]
    if faults:
        for name in tau.SUBSETS:
            (folder / f"split{name}.csv").unlink(missing_ok=True)
        raise DataError(
            f"{base}: the subset lists do not fit the training list and were deleted ({'; '.join(faults)}); the same command "
            "fetches them again, --subsets none leaves them out"
        )
    return tau.SUBSETS


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
