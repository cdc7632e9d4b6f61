"""Fetching a public data set: its record read, the disk need said, archives downloaded, checked, unpacked, once each."""

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
from hwasc.data.download import Remote, Say, connect, download, read
from hwasc.data.official import subset_faults
from hwasc.data.unpack import disk_size, unpack
from hwasc.errors import DataError, HwascError
from hwasc.progress import Reporter, Update

ARCHIVES = "archives"  # the folder for downloads and for what is known of those that were unpacked
SUBSETS = "split_setup"
GROWTH = 1.2  # unpacked bytes to packed ones at most: 24-bit audio has about 1.1, and files fill whole blocks
MB = 1_000_000


@dataclass(frozen=True)
class Source:
    """A public data set. record: the address of its JSON; page: for people; subsets: folder of split5.csv ... split50.csv."""

    title: str
    record: str
    page: str
    terms: str
    subsets: str


SOURCES: Mapping[str, Source] = {
    "tau2022": Source(
        "TAU Urban Acoustic Scenes 2022 Mobile, development dataset (Heittola, Mesaros, Virtanen; Tampere University)",
        "https://zenodo.org/api/records/6337421",
        "https://zenodo.org/records/6337421",
        "for experimental and non-commercial use only",
        "https://github.com/CPJKU/dcase2024_task1_baseline/releases/download/files/",
    )
}


@dataclass(frozen=True)
class Fetched:
    """What a call did. received: bytes over the network. unpacked: archives unpacked by this call, of `archives`."""

    root: str
    archives: int
    unpacked: int
    files: int
    received: int
    subsets: tuple[str, ...]


@dataclass(frozen=True)
class Need:
    """Bytes: to download, taken by the unpacked files (estimated), at most taken at one time, free on the disk."""

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
) -> Fetched:
    """Fetch a data set into `root`, or what is lacking of it; the same call again goes on from where the last one ended.

    url: another record's JSON in its place (`files`: `key`, `size`, `checksum`, `links.self`; without links the files
    lie beside it). subsets: another folder of subset lists, `none` leaves them out. keep_archives: do not remove an
    archive once it is unpacked.

    Raises HwascError: a record that is none, a foreign folder, too little disk, a server that fails or serves another file
    than the record states, an archive that would write outside the folder; DataError: subset lists that break their rules.
    """
    reporter = reporter or Reporter(quiet=True)
    with _claimed(root) as folder, connect(*filter(None, (url, subsets))) as client:
        archives = read_record(url or source.record, client, reporter.say)
        files = {a.name: _unpacked(folder, root, a) for a in archives}
        pending = [a for a in archives if files[a.name] is None]
        need = disk_need(folder, root, pending, keep_archives)
        reporter.say(_told(need, root, len(pending), len(archives), keep_archives))
        if need.peak > need.free:
            raise HwascError(
                f"{root}: {disk_size(need.peak)} are needed, {disk_size(need.free)} are free, "
                f"{disk_size(need.peak - need.free)} are lacking; free some space or name a folder on another disk"
            )
        received = 0
        with reporter.track("fetching, MB", need.download // MB) as update:
            for archive in pending:
                received += _bring(archive, folder, root, client, update, received, reporter.say, keep_archives)
                files[archive.name] = _unpacked(folder, root, archive)
        lists = () if subsets == "none" else _fetch_subsets(subsets or source.subsets, root, client, reporter.say)
    count = sum(len(f or ()) for f in files.values())
    return Fetched(str(root), len(archives), len(pending), count, received, lists)


def read_record(url: str, client: httpx.Client, say: Say) -> list[Remote]:
    """The zip archives of a Zenodo record, small ones first: lists are there before hours of audio."""
    try:
        record = json.loads(read(url, client, say))
        archives = [_remote(url, file) for file in record["files"] if str(file["key"]).endswith(".zip")]
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise HwascError(
            f"{url}: is not the JSON of a record ({type(e).__name__}: {e}); Zenodo's is at https://zenodo.org/api/records/NUMBER"
        ) from None
    if not archives:
        raise HwascError(f"{url}: names no zip archives; check the address")
    return sorted(archives, key=lambda a: a.size or 0)


def disk_need(folder: Path, root: Path, pending: Sequence[Remote], keep_archives: bool) -> Need:
    """What the archives that are still to be unpacked will take, one after the other."""
    lacking, used, peak = 0, 0, 0
    for archive in pending:
        size = archive.size or 0
        there = sum(_size(folder / f"{archive.name}{suffix}") for suffix in ("", ".part"))
        lacking += max(0, size - there)
        used += max(0, size - there)
        peak = max(peak, used + round(GROWTH * size))
        used += round(GROWTH * size) - (0 if keep_archives else size)
    unpacked = round(GROWTH * sum(a.size or 0 for a in pending))
    return Need(lacking, unpacked, peak, shutil.disk_usage(root).free)


def _told(need: Need, root: Path, pending: int, archives: int, keep: bool) -> str:
    if not pending:
        return f"{root}: all {archives} archives are unpacked and their files are there"
    fate = "kept" if keep else "removed once it is unpacked"
    return (
        f"disk: {disk_size(need.download)} to download ({pending} of {archives} archives), about "
        f"{disk_size(need.unpacked)} unpacked; at most {disk_size(need.peak)} at one time (each archive is {fate}), "
        f"{disk_size(need.free)} are free on {root}"
    )


def _remote(url: str, file: Mapping[str, Any]) -> Remote:
    name, size, checksum = str(file["key"]), int(file["size"]), str(file["checksum"])
    kind, _, md5 = checksum.partition(":")
    if PurePosixPath(name).name != name or "\\" in name or name.startswith("."):
        raise ValueError(f"'{name}' is no file name")
    if kind != "md5" or size < 0:
        raise ValueError(f"{name} has no MD5 and size")
    links = file.get("links") or {}
    return Remote(name, urljoin(url, links.get("content") or links.get("self") or name), size, md5.lower())


@contextmanager
def _claimed(root: Path) -> Iterator[Path]:
    """The archives' folder, for this call alone. A folder that holds other things is left alone."""
    folder = root / ARCHIVES
    if root.exists() and not folder.is_dir() and (not root.is_dir() or any(root.iterdir())):
        raise HwascError(
            f"{root}: holds files that this command did not put there; name a new or an empty folder. If it is the data set, "
            f"unpacked by hand, `hwasc data check {root}` compares it with the official lists"
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / ".lock", timeout=1):
            yield folder
    except filelock.Timeout:
        raise HwascError(f"{root}: another command is fetching into this folder; wait for it to end") from None


def _bring(
    archive: Remote, folder: Path, root: Path, client: httpx.Client, update: Update, before: int, say: Say, keep: bool
) -> int:
    """Download and unpack one archive; returns the bytes received."""
    path = folder / archive.name
    already: list[int] = []

    def arriving(there: int) -> None:
        if not already:
            already.append(there)
        update((before + max(0, there - already[0])) // MB, archive.name)

    received = download(archive, path, client, progress=arriving, say=say)
    if not received:
        say(f"unpacking {archive.name}")
    top = archive.name.partition(".")[0]
    files = unpack(
        path,
        root,
        top,
        lambda done, of: update((before + received) // MB, f"unpacking {archive.name}: {done:,}/{of:,}"),
    )
    _remember(folder, archive, files)
    if not keep:
        path.unlink()
    return received


def _remember(folder: Path, archive: Remote, files: Mapping[str, int]) -> None:
    """Keep what an archive held, so that it is unpacked once, and fetched again only if some of it is gone."""
    marker = folder / f"{archive.name}.unpacked"
    aside = marker.with_name(f"{marker.name}.part")
    aside.write_bytes(lzma.compress(json.dumps({"md5": archive.md5, "files": files}).encode(), preset=1))
    os.replace(aside, marker)


def _unpacked(folder: Path, root: Path, archive: Remote) -> dict[str, int] | None:
    """Size by name of the files that this archive held, if it was unpacked and all of them are still there."""
    try:
        record = json.loads(lzma.decompress((folder / f"{archive.name}.unpacked").read_bytes()))
        files: dict[str, int] = record["files"]
        whole = record["md5"] == archive.md5 and all(_size(root / name) == size for name, size in files.items())
    except (OSError, lzma.LZMAError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return files if whole else None


def _fetch_subsets(base: str, root: Path, client: httpx.Client, say: Say) -> tuple[str, ...]:
    """The DCASE subset lists. Their publisher states no checksums, so they are held to the rules that they follow."""
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
