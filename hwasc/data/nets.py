"""Public pretrained nets that `hwasc data fetch` keeps in the cache."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hwasc.data.download import Remote, connect, download
from hwasc.errors import DataError
from hwasc.progress import Reporter
from hwasc.records.bounded import sha256
from hwasc.records.teacher_settings import Member

FOLDER = "models"  # in the cache


@dataclass(frozen=True, kw_only=True)
class PublicNet:
    """A public net that turns sound into vectors.

    Attributes:
        title: What it is, and by whom.
        url: Address of the file.
        sha256: Of the file, 64 hexadecimal digits.
        size: Bytes.
        page: Where it comes from.
        terms: Its licence.
        tensor: Number of the tensor that is the embedding.
        front_end: Its log-mel, a name of `hwasc.records.front_ends`.
    """

    title: str
    url: str
    sha256: str
    size: int
    page: str
    terms: str
    tensor: int
    front_end: str


NETS: Mapping[str, PublicNet] = {
    "yamnet": PublicNet(
        title="YAMNet (MobileNet v1 trained on AudioSet, Google; int8 for Coral boards)",
        url="https://raw.githubusercontent.com/google-coral/coralmicro/main/models/yamnet_spectra_in.tflite",
        sha256="0a266465c46718f3fcc4137366be82882a8c93bfcc4f0278581a11d11dddcdf9",
        size=4_047_424,
        page="https://github.com/google-coral/coralmicro/tree/main/models",
        terms="Apache-2.0",
        tensor=90,
        front_end="yamnet_coral",
    )
}


def net_path(name: str, cache: Path) -> Path:
    """Where a net lies in the cache.

    Args:
        name: One of `NETS`.
        cache: The folder of caches.

    Returns:
        The file, whether it is there or not.
    """
    return cache / FOLDER / f"{name}-{NETS[name].sha256[:16]}{Path(NETS[name].url).suffix}"


def present(members: Sequence[Member], cache: Path) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    """Leave out the optional members whose net was not fetched, and add the SHA-256 of the fetched ones, for the record.

    Args:
        members: Of the settings.
        cache: The folder of caches.

    Returns:
        The members that are left, and the names of the nets that are missing.
    """
    kept, missing = [], []
    for member in members:
        name = str(member.embedding)
        if name in NETS and not Path(name).is_file():
            if net_path(name, cache).is_file():
                member = replace(member, sha256=member.sha256 or NETS[name].sha256)
            elif member.optional:
                missing.append(name)
                continue
        elif member.optional and not Path(name).is_file():
            continue
        kept.append(member)
    return tuple(kept), tuple(missing)


def fetch_net(
    name: str, cache: Path, *, file: Path | None = None, url: str | None = None, reporter: Reporter | None = None
) -> Path:
    """Put a net into the cache.

    Args:
        name: One of `NETS`.
        cache: The folder of caches.
        file: A file that is copied, in place of a download.
        url: Another address.
        reporter: Output for progress.

    Returns:
        The file in the cache, whose SHA-256 is right.

    Raises:
        HwascError: The server fails.
        DataError: The file has another SHA-256, or cannot be read.
    """
    net, path = NETS[name], net_path(name, cache)
    reporter = reporter or Reporter(quiet=True)
    if path.is_file() and sha256(path).hexdigest() == net.sha256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    if file is not None:
        try:
            new.write_bytes(file.read_bytes())
        except OSError as e:
            raise DataError(f"{file}: cannot be copied ({e.strerror or e})") from None
    else:
        new.unlink(missing_ok=True)
        with (
            connect(*filter(None, [url])) as client,
            reporter.track(f"fetching {name}, kB", net.size // 1000) as update,
        ):
            download(
                Remote(path.name, url or net.url, net.size),
                new,
                client,
                progress=lambda there: update(there // 1000, ""),
                say=reporter.say,
            )
    found = sha256(new).hexdigest()
    if found != net.sha256:
        new.unlink()
        raise DataError(
            f"{file or url or net.url}: is another file than {net.title}: its SHA-256 is {found}, expected {net.sha256}"
        )
    os.replace(new, path)
    return path
