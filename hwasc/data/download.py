"""Files over HTTP: resumed where they broke off, MD5 taken while they stream, named only when whole and right."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

import hwasc
from hwasc.errors import HwascError

CHUNK = 1 << 20  # bytes
TIMEOUT = 60.0  # s without a byte
ATTEMPTS = 8  # in a row that bring less than a hundredth of the file
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # s between attempts, doubled each time
LONGEST_PLEA = 900.0  # s that a server may ask us to wait
PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))  # statuses that may be others next time
THIS_MACHINE = frozenset(("localhost", "127.0.0.1", "::1"))

Say = Callable[[str], None]


@dataclass(frozen=True)
class Remote:
    """A file to be had. size: bytes, md5: hexadecimal digits; None where its publisher states none."""

    name: str
    url: str
    size: int | None = None
    md5: str | None = None


class Opener:
    """Opens https addresses, and http ones of this machine and of the servers of `trusted`, addresses that the user named."""

    def __init__(self, *trusted: str) -> None:
        self._hosts = THIS_MACHINE | {urlsplit(url).hostname for url in trusted}
        self._director = urllib.request.build_opener(_Redirects(self.check))

    def check(self, url: str) -> None:
        """HwascError for an address that must not be opened."""
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in self._hosts):
            raise HwascError(f"{url}: only https addresses are fetched; the record or a redirection names this one")

    def open(self, url: str, first: int = 0) -> http.client.HTTPResponse:
        """The answer from byte `first` on, if the server can. _Broken where trying again may help, else HwascError."""
        self.check(url)
        headers = {"User-Agent": f"hwasc/{hwasc.__version__}"} | ({"Range": f"bytes={first}-"} if first else {})
        try:
            response: http.client.HTTPResponse = self._director.open(
                urllib.request.Request(url, headers=headers), timeout=TIMEOUT
            )
            return response
        except HTTPError as e:
            with e:
                if e.code in PASSING or (e.code == 416 and first):
                    raise _Broken(f"the server answers {e.code} {e.reason}", _plea(e), restart=e.code == 416) from None
                raise HwascError(
                    f"{url}: the server answers {e.code} {e.reason}; check the address, or try later"
                ) from None
        except URLError as e:
            if isinstance(e.reason, ssl.SSLCertVerificationError):
                raise HwascError(f"{url}: its certificate cannot be verified ({e.reason.verify_message})") from None
            raise _Broken(str(e.reason)) from None
        except (OSError, http.client.HTTPException) as e:
            raise _Broken(_short(e)) from None


def read(url: str, opener: Opener, say: Say, limit: int = 16 * CHUNK) -> bytes:
    """A small answer whole. HwascError: unreachable, refused, or more than `limit` bytes."""
    failures = 0
    while True:
        try:
            with opener.open(url) as response:
                stated = response.length
                body = b"".join(_chunks(response, limit + 1))
            if len(body) > limit:
                raise HwascError(f"{url}: answers more than {limit:,} bytes; check the address")
            if stated is not None and len(body) < stated:
                raise _Broken("the connection ended early")
            return body
        except _Broken as e:
            failures += 1
            _wait(url, e, failures, say, "")


def download(
    remote: Remote, path: Path, opener: Opener, progress: Callable[[int], None] = lambda _: None, say: Say = print
) -> int:
    """Have the file at `path`, and return the bytes that were received for it. progress: bytes there so far.

    What an earlier call received lies in `<path>.part` and is not asked for again, unless the server cannot send parts.
    A file with another MD5 is deleted and fetched once more. HwascError: the second is wrong as well, the server
    refuses, or ATTEMPTS in a row brought nothing; the part is kept then.
    """
    if path.is_file():
        if remote.md5 is None or _md5_of(path) == remote.md5:
            return 0
        say(f"{path} has another MD5 than the record states; it is deleted and fetched again")
        path.unlink()
    part = path.with_name(f"{path.name}.part")
    received = 0
    for attempt in (1, 2):
        with part.open("a+b") as file:
            arrival = _Arrival(remote, file, progress)
            _receive(arrival, opener, say)
            received += arrival.received
        found = arrival.digest.hexdigest()
        if remote.md5 in (None, found):
            os.replace(part, path)
            return received
        part.unlink()
        if attempt == 1:
            say(f"{remote.name}: MD5 {found}, the record states {remote.md5}; it is deleted and fetched once more")
    raise HwascError(
        f"{remote.url}: has the MD5 {found} twice in a row, the record states {remote.md5}; the file was deleted: try "
        "again later, or another mirror by --url"
    )


class _Arrival:
    """A file as it comes in: how much is there, its MD5 so far, what was received this time."""

    def __init__(self, remote: Remote, file: IO[bytes], progress: Callable[[int], None]) -> None:
        self.remote, self.file, self._progress = remote, file, progress
        self.position, self.received, self.digest = 0, 0, hashlib.md5(usedforsecurity=False)
        file.seek(0)
        if remote.size is not None and os.fstat(file.fileno()).st_size <= remote.size:
            while chunk := file.read(CHUNK):
                self.digest.update(chunk)
                self.position += len(chunk)
        file.truncate(self.position)
        progress(self.position)

    def restart(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.position, self.digest = 0, hashlib.md5(usedforsecurity=False)

    def add(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self.digest.update(chunk)
        self.position += len(chunk)
        self.received += len(chunk)
        self._progress(self.position)


class _Broken(Exception):
    """An attempt that failed and may succeed later. wait: seconds the server asks for. restart: the part is of no use."""

    def __init__(self, reason: str, wait: float = 0.0, restart: bool = False) -> None:
        super().__init__(reason)
        self.wait, self.restart = wait, restart


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows only to addresses that may be opened."""

    def __init__(self, check: Callable[[str], None]) -> None:
        self._check = check

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        self._check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _receive(arrival: _Arrival, opener: Opener, say: Say) -> None:
    size, best, failures = arrival.remote.size, arrival.position, 0
    while size is None or arrival.position < size:
        try:
            _attempt(arrival, opener)
            return
        except _Broken as e:
            arrival.file.flush()
            gained = size is not None and arrival.position - best >= max(1, size // 100)
            best = max(best, arrival.position)
            failures = 0 if gained else failures + 1
            if e.restart:
                arrival.restart()
            kept = f", it goes on from {arrival.position:,} of {size:,} bytes" if size and arrival.position else ""
            _wait(arrival.remote.url, e, failures, say, kept)


def _attempt(arrival: _Arrival, opener: Opener) -> None:
    """One request for what is lacking, and all that comes of it."""
    size, first = arrival.remote.size, arrival.position
    with opener.open(arrival.remote.url, first) as response:
        total = response.length  # of this answer, None where the server does not say
        if response.status == 206:
            match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != first:
                raise _Broken("the server sends another part than was asked for", restart=True)
            total = None if match[2] == "*" else int(match[2])
        elif first:
            arrival.restart()  # this server cannot send parts
        if size is not None and total is not None and total != size:
            raise HwascError(
                f"{arrival.remote.url}: has {total:,} bytes, the record states {size:,}; this is another file or a "
                "page in its place: check the address and the connection"
            )
        for chunk in _chunks(response, size - arrival.position if size is not None else None):
            arrival.add(chunk)
    whole = size if size is not None else total
    if whole is not None and arrival.position < whole:
        raise _Broken("the connection ended early")


def _chunks(response: http.client.HTTPResponse, limit: int | None) -> Iterator[bytes]:
    """What comes as it comes, `limit` bytes at most."""
    ends = [n for n in (limit, response.length) if n is not None]
    left = min(ends) if ends else None
    while left is None or left > 0:
        try:
            chunk = response.read1(CHUNK if left is None else min(CHUNK, left))
        except (OSError, http.client.HTTPException) as e:
            raise _Broken(_short(e)) from None
        if not chunk:
            return
        left = None if left is None else left - len(chunk)
        yield chunk


def _wait(url: str, broken: _Broken, failures: int, say: Say, kept: str) -> None:
    if failures >= ATTEMPTS:
        raise HwascError(
            f"{url}: {broken}, {failures} times in a row; check the connection and run the same command again{kept}"
        )
    seconds = max(broken.wait, min(FIRST_WAIT * 2 ** max(failures - 1, 0), LONGEST_WAIT))
    say(f"{url}: {broken}; next attempt in {seconds:.0f} s{kept}")
    time.sleep(seconds)


def _plea(error: HTTPError) -> float:
    text = (error.headers.get("Retry-After") or "").strip() if error.headers else ""
    return min(float(text), LONGEST_PLEA) if text.isdigit() else 0.0


def _short(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")


def _md5_of(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
