"""Downloads over HTTP. A broken one goes on where it stopped; a file gets its name once it is whole and its MD5 is right."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx
import tenacity

import hwasc
from hwasc.errors import HwascError

CHUNK = 1 << 20  # bytes
TIMEOUT = 60.0  # s without a byte
ATTEMPTS = 8  # in a row that bring less than a hundredth of the file
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # s between attempts, doubled each time
LONGEST_RETRY_AFTER = 900.0  # s that a server may ask us to wait
TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504))  # statuses that may be others next time
LASTING = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
NO_SUCH_NAME = frozenset(getattr(socket, n) for n in ("EAI_NONAME", "EAI_NODATA", "EAI_FAIL") if hasattr(socket, n))
CUT_OFF = (
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)  # of an encrypted connection; its other errors are the server's set-up
THIS_MACHINE = frozenset(("localhost", "127.0.0.1", "::1"))

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Remote:
    """A file on a server.

    Attributes:
        name: Its file name.
        url: Its address.
        size: Bytes; None where its publisher states none.
        md5: Hexadecimal digits; None where its publisher states none.
    """

    name: str
    url: str
    size: int | None = None
    md5: str | None = None


def connect(*trusted: str) -> httpx.Client:
    """Make a client that opens https addresses only, also when a server redirects it.

    Proxies are taken from the environment, certificates from the system's store.

    Args:
        trusted: Addresses that the user named. Their servers, and this machine, may also be asked over http.

    Returns:
        The client. A request for another address raises HwascError.

    Raises:
        HwascError: The environment names a proxy that cannot be used.
    """
    allowed = {("http", host) for host in (*THIS_MACHINE, *(httpx.URL(url).host for url in trusted))}

    def check(request: httpx.Request) -> None:
        url = request.url
        if url.scheme != "https" and (url.scheme, url.host) not in allowed:
            raise HwascError(
                f"{url}: only https addresses are fetched; the record or a redirection names this one, so take another by --url"
            )

    try:
        return httpx.Client(
            headers={"User-Agent": f"hwasc/{hwasc.__version__}", "Accept-Encoding": "identity"},
            verify=ssl.create_default_context(),  # httpx's own list lacks what a company's proxy needs
            timeout=TIMEOUT,
            follow_redirects=True,
            event_hooks={"request": [check]},
        )
    except (ImportError, ValueError, httpx.InvalidURL) as e:
        raise HwascError(f"the proxy that the environment names cannot be used: {e}") from None


def check_address(url: str, client: httpx.Client) -> None:
    """Refuse an address that can never be fetched, before anything is asked for.

    Args:
        url: The address.
        client: From `connect`.

    Raises:
        HwascError: It is no address, has no host or another scheme than https, or is one that `connect` refuses.
    """
    try:
        request = client.build_request("GET", url)
        host, port = request.url.host, request.url.port
        host.encode("idna")
        if port is not None and not 0 < port < 65_536:
            raise ValueError(f"there is no port {port}")
    except (httpx.InvalidURL, ValueError) as e:
        raise HwascError(
            f"{url}: is no address that can be fetched ({e}); check it, or name another by --url"
        ) from None
    for check in client.event_hooks["request"]:
        check(request)


def read(url: str, client: httpx.Client, say: Say, limit: int = 16 * CHUNK) -> bytes:
    """Read a small answer into memory.

    Args:
        url: The address.
        client: From `connect`.
        say: Receives a line about each attempt that failed.
        limit: Bytes that the answer may have.

    Returns:
        The whole answer.

    Raises:
        HwascError: The server cannot be reached or refuses, or the answer is longer than `limit`.
    """
    check_address(url, client)

    def attempt() -> bytes:
        body = bytearray()
        with client.stream("GET", url) as response:
            response.raise_for_status()
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > limit:
                    raise HwascError(f"{url}: answers more than {limit:,} bytes; check the address")
        return bytes(body)

    return _retry(attempt, url, say)


def download(
    remote: Remote,
    path: Path,
    client: httpx.Client,
    *,
    progress: Callable[[int], None] = lambda _: None,
    say: Say = print,
) -> int:
    """Download a file, unless it is there already with the right MD5.

    What an earlier call received lies in `<path>.part`. It is not asked for again, unless the server cannot send parts.
    A file with another MD5 is deleted and downloaded once more.

    Args:
        remote: The file.
        path: Where it will be.
        client: From `connect`.
        progress: Receives the bytes that are there so far.
        say: Receives a line about each attempt that failed.

    Returns:
        The bytes that were received.

    Raises:
        HwascError: The MD5 is wrong twice, the server refuses, or ATTEMPTS in a row brought nothing. In the last two
            cases the part remains.
    """
    if path.is_file():
        with path.open("rb") as file:
            found = _md5(file).hexdigest()
        if remote.md5 in (None, found):
            return 0
        say(f"{path} has another MD5 than the record states; it is deleted and fetched again")
        path.unlink()
    check_address(remote.url, client)
    part = path.with_name(f"{path.name}.part")
    received = 0
    for attempt in (1, 2):
        with part.open("a+b") as file:
            arrival = _Arrival(remote, file, progress)
            _retry(partial(arrival.receive, client), remote.url, say, arrival)
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
    """A file as it comes in: the bytes that are there, their MD5, and the bytes that were received this time."""

    def __init__(self, remote: Remote, file: IO[bytes], progress: Callable[[int], None]) -> None:
        self.remote, self.file, self.progress, self.received = remote, file, progress, 0
        if remote.size is None or os.fstat(file.fileno()).st_size > remote.size:
            file.truncate(0)
        self.digest = _md5(file)
        self.position = self.best = file.tell()
        progress(self.position)

    def restart(self) -> None:
        self.file.truncate(0)
        self.digest, self.position = _md5(self.file), 0

    def receive(self, client: httpx.Client) -> None:
        """Make one request for what is lacking, and take all that comes of it."""
        url, size, first = self.remote.url, self.remote.size, self.position
        if first == size:
            return
        with client.stream("GET", url, headers={"Range": f"bytes={first}-"} if first else {}) as response:
            if first and response.status_code in (200, 416):  # this server cannot send parts, or not this one
                self.restart()
            response.raise_for_status()
            total = response.headers.get("Content-Length")
            if response.status_code == 206:
                match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
                if match is None or int(match[1]) != first:
                    self.restart()
                    raise httpx.RemoteProtocolError("the server sends another part than was asked for")
                total = None if match[2] == "*" else match[2]
            if size is not None and total is not None and int(total) != size:
                raise HwascError(
                    f"{url}: has {int(total):,} bytes, the record states {size:,}; this is another file or a page in its "
                    "place: check the address and the connection"
                )
            for chunk in response.iter_raw():
                chunk = chunk if size is None else chunk[: size - self.position]
                self.file.write(chunk)
                self.digest.update(chunk)
                self.position += len(chunk)
                self.received += len(chunk)
                self.progress(self.position)
        if size is not None and self.position < size:
            raise httpx.RemoteProtocolError("peer closed connection")

    def gained(self) -> bool:
        """Whether a hundredth of the file was added since the last call."""
        size, before = self.remote.size, self.best
        self.best = max(self.best, self.position)
        return size is not None and self.best - before >= max(1, size // 100)

    def __str__(self) -> str:
        size = self.remote.size
        return f", it goes on from {self.position:,} of {size:,} bytes" if size and self.position else ""


def _retry(attempt: Callable[[], T], url: str, say: Say, arrival: _Arrival | None = None) -> T:
    """Try up to ATTEMPTS times. The count begins again after an attempt that added a hundredth to the arrival."""
    backoff = tenacity.wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT, min=FIRST_WAIT)

    def count(state: tenacity.RetryCallState) -> None:
        if arrival and arrival.gained():
            state.attempt_number = 0

    def report(state: tenacity.RetryCallState) -> None:
        say(f"{url}: {_reason(_error(state))}; next attempt in {state.upcoming_sleep:.0f} s{arrival or ''}")

    def give_up(state: tenacity.RetryCallState) -> T:
        raise HwascError(
            f"{url}: {_reason(_error(state))}, {state.attempt_number} times in a row; check the connection and run the "
            f"same command again{arrival or ''}"
        )

    try:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_transient),
            after=count,
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=lambda state: max(backoff(state), _retry_after(_error(state))),
            before_sleep=report,
            sleep=time.sleep,
            retry_error_callback=give_up,
        )(attempt)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as e:  # of a redirection
        raise HwascError(f"{url}: {_reason(e)}; check the address, or try later") from None


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _is_transient(error: BaseException) -> bool:
    """Whether another attempt may succeed."""
    if isinstance(error, httpx.HTTPStatusError):
        code = error.response.status_code
        return code in TRANSIENT or (code == 416 and "Range" in error.request.headers)
    if not isinstance(error, httpx.TransportError) or isinstance(error, LASTING):
        return False
    if isinstance(error, httpx.ProxyError):
        return not str(error).startswith("4")  # 407: it wants a password
    if isinstance(error, httpx.RemoteProtocolError) and "location header" in str(error):
        return False
    causes = list(_causes(error))
    names = any(isinstance(e, socket.gaierror) and e.errno in NO_SUCH_NAME for e in causes)
    tls = any(isinstance(e, ssl.SSLError) and not isinstance(e, CUT_OFF) for e in causes)
    return not (names or tls)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _retry_after(error: BaseException | None) -> float:
    """Seconds that the server asks us to wait."""
    text = error.response.headers.get("Retry-After", "") if isinstance(error, httpx.HTTPStatusError) else ""
    return min(float(text), LONGEST_RETRY_AFTER) if text.isdigit() else 0.0


def _reason(error: BaseException | None) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"the server answers {error.response.status_code} {error.response.reason_phrase}"
    if "closed connection" in str(error):  # the library's text counts bytes of the answer, not of the file
        return "the connection ended early"
    return str(error).rstrip(".") or type(error).__name__


def _md5(file: IO[bytes]) -> Any:
    """The MD5 of a whole file, which is read to its end."""
    digest = hashlib.md5(usedforsecurity=False)
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest
