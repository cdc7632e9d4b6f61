"""Downloads from a server that drops connections, serves wrong bytes, knows no ranges, or asks for patience."""

from __future__ import annotations

import hashlib
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from hwasc.data import download as module
from hwasc.data.download import Remote, connect, download, read
from hwasc.errors import HwascError

BODY = bytes(range(256)) * 1000  # 256,000 bytes
MD5 = hashlib.md5(BODY).hexdigest()


def quiet(_: str) -> None: ...


@pytest.fixture
def remote(site: Any) -> Remote:
    site.files["a.zip"] = BODY
    return Remote("a.zip", f"{site.url}/a.zip", len(BODY), MD5)


def test_a_file_arrives_whole_under_its_name(site: Any, remote: Remote, tmp_path: Path) -> None:
    seen: list[int] = []
    assert download(remote, tmp_path / "a.zip", connect(), progress=seen.append, say=quiet) == len(BODY)
    assert (tmp_path / "a.zip").read_bytes() == BODY and [p.name for p in tmp_path.iterdir()] == ["a.zip"]
    assert seen[0] == 0 and seen[-1] == len(BODY) and seen == sorted(seen)
    assert all(agent.startswith("hwasc/") for agent in site.agents)
    assert download(remote, tmp_path / "a.zip", connect(), say=quiet) == 0 and len(site.sent) == 1


def test_dropped_connections_are_resumed_and_nothing_is_sent_twice(site: Any, remote: Remote, tmp_path: Path) -> None:
    site.drops["a.zip"] = [50_000, 50_000, 120_000, 200_000]  # the second answer brings nothing
    said: list[str] = []
    assert download(remote, tmp_path / "a.zip", connect(), say=said.append) == len(BODY)
    assert (tmp_path / "a.zip").read_bytes() == BODY
    assert [first for _, first, _ in site.sent] == [0, 50_000, 50_000, 120_000, 200_000]
    assert site.bytes_of("a.zip") == len(BODY)
    assert len(said) == 4 and "goes on from 50,000 of 256,000 bytes" in said[0]


def test_a_server_that_never_gets_further_is_given_up_and_the_part_is_kept(
    site: Any, remote: Remote, tmp_path: Path
) -> None:
    site.drops["a.zip"] = [70_000] * 50
    with pytest.raises(HwascError, match=r"ended early, 8 times in a row.*goes on from 70,000 of 256,000"):
        download(remote, tmp_path / "a.zip", connect(), say=quiet)
    assert len(site.sent) == 9 and not (tmp_path / "a.zip").exists()  # the first brought something
    site.drops.clear()
    assert download(remote, tmp_path / "a.zip", connect(), say=quiet) == len(BODY) - 70_000, "another call goes on"
    assert (tmp_path / "a.zip").read_bytes() == BODY and site.bytes_of("a.zip") == len(BODY)


def test_an_interrupted_download_goes_on_where_it_was(site: Any, remote: Remote, tmp_path: Path) -> None:
    site.drops["a.zip"] = [100_000]

    def interrupt(there: int) -> None:
        if there >= 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(remote, tmp_path / "a.zip", connect(), progress=interrupt, say=quiet)
    assert (tmp_path / "a.zip.part").read_bytes() == BODY[:100_000]
    assert download(remote, tmp_path / "a.zip", connect(), say=quiet) == len(BODY) - 100_000
    assert (tmp_path / "a.zip").read_bytes() == BODY and site.bytes_of("a.zip") == len(BODY)


def test_a_wrong_checksum_once_is_fetched_once_more(site: Any, remote: Remote, tmp_path: Path) -> None:
    site.wrong["a.zip"] = 1
    said: list[str] = []
    assert download(remote, tmp_path / "a.zip", connect(), say=said.append) == 2 * len(BODY)
    assert (tmp_path / "a.zip").read_bytes() == BODY and len(said) == 1 and "fetched once more" in said[0]


def test_a_wrong_checksum_always_is_an_error_and_leaves_no_file(site: Any, remote: Remote, tmp_path: Path) -> None:
    site.wrong["a.zip"] = 99
    with pytest.raises(HwascError, match=rf"twice in a row, the record states {MD5}"):
        download(remote, tmp_path / "a.zip", connect(), say=quiet)
    assert len(site.sent) == 2 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", [b"x" * 1000, b"x" * (len(BODY) + 1)], ids=["other bytes", "longer than the file"])
def test_a_foreign_part_does_not_spoil_the_file(site: Any, remote: Remote, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "a.zip.part").write_bytes(part)
    download(remote, tmp_path / "a.zip", connect(), say=quiet)
    assert (tmp_path / "a.zip").read_bytes() == BODY


def test_a_damaged_file_of_that_name_is_fetched_again(site: Any, remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(BODY[:-1])
    assert download(remote, tmp_path / "a.zip", connect(), say=quiet) == len(BODY)
    assert (tmp_path / "a.zip").read_bytes() == BODY


def test_a_server_without_ranges_starts_over(site: Any, remote: Remote, tmp_path: Path) -> None:
    site.ranges, site.drops["a.zip"] = False, [50_000]
    assert download(remote, tmp_path / "a.zip", connect(), say=quiet) == len(BODY) + 50_000
    assert (tmp_path / "a.zip").read_bytes() == BODY and [first for _, first, _ in site.sent] == [0, 0]


def test_a_part_that_the_server_refuses_to_continue_starts_over(site: Any, remote: Remote, tmp_path: Path) -> None:
    site.drops["a.zip"], site.statuses["a.zip"] = [50_000], []

    def then_refuse(there: int) -> None:
        if there == 50_000:
            site.statuses["a.zip"] = [(416, {})]

    download(remote, tmp_path / "a.zip", connect(), progress=then_refuse, say=quiet)
    assert (tmp_path / "a.zip").read_bytes() == BODY and [first for _, first, _ in site.sent] == [0, 0]


def test_passing_errors_are_waited_for_and_others_are_not(
    site: Any, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(module.time, "sleep", waits.append)
    site.statuses["a.zip"] = [(429, {"Retry-After": "7"}), (503, {}), (502, {})]
    assert download(remote, tmp_path / "a.zip", connect(), say=quiet) == len(BODY)
    assert waits[0] == 7 and waits[1:] == [0.02, 0.04]
    with pytest.raises(HwascError, match="b.zip: the server answers 404"):
        download(Remote("b.zip", f"{site.url}/b.zip", 1, MD5), tmp_path / "b.zip", connect(), say=quiet)
    assert len(waits) == 3, "a file that is not there is not asked for again"


def test_another_size_than_stated_is_said_at_once(site: Any, remote: Remote, tmp_path: Path) -> None:
    site.files["a.zip"] = b"<html>please log in</html>"
    with pytest.raises(HwascError, match=r"has 26 bytes, the record states 256,000"):
        download(remote, tmp_path / "a.zip", connect(), say=quiet)
    assert len(site.sent) == 1


def test_files_without_stated_size_come_whole_or_not_at_all(site: Any, tmp_path: Path) -> None:
    site.files["s.csv"], site.drops["s.csv"] = BODY, [1000, 2000]
    (tmp_path / "s.csv.part").write_bytes(b"an older list")
    assert download(Remote("s.csv", f"{site.url}/s.csv"), tmp_path / "s.csv", connect(), say=quiet) == len(BODY)
    assert (tmp_path / "s.csv").read_bytes() == BODY


def test_a_small_answer_is_read_whole(site: Any) -> None:
    site.files["r"], site.drops["r"] = BODY, [1000]
    assert read(f"{site.url}/r", connect(), quiet) == BODY
    with pytest.raises(HwascError, match="more than 1,000 bytes"):
        read(f"{site.url}/r", connect(), quiet, limit=1000)


def test_only_safe_addresses_are_opened(site: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    for url in (secret.as_uri(), "ftp://localhost/x", "http://example.org/x", "data:,x", "/etc/hostname"):
        with pytest.raises(HwascError, match="only https addresses"):
            read(url, connect(), quiet)
    own_mirror = connect("http://mirror.example:8080/record")
    own_mirror.event_hooks["request"][0](own_mirror.build_request("GET", "http://mirror.example:8080/a.zip"))
    site.statuses["r"] = [(302, {"Location": "http://example.org/x"})]
    with pytest.raises(HwascError, match="http://example.org/x: only https"):
        read(f"{site.url}/r", connect(), quiet)


def test_redirections_keep_the_range(site: Any, remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(BODY[:1000])
    site.statuses["old"] = [(302, {"Location": f"{site.url}/a.zip"})]
    moved = Remote("a.zip", f"{site.url}/old", len(BODY), MD5)
    assert download(moved, tmp_path / "a.zip", connect(), say=quiet) == len(BODY) - 1000


def test_a_machine_that_does_not_answer_is_one_clear_line(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.server.server_close()
    monkeypatch.setattr(module, "ATTEMPTS", 3)
    with pytest.raises(HwascError, match=r"refused, 3 times in a row; check the connection") as e:
        read(f"{site.url}/x", connect(), quiet)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org/a.zip", "only https"),
        ("file:///etc/passwd", "only https"),
        ("a.zip", "only https"),
        ("https:///a.zip", "only https"),
        ("https://example.org:99999/a.zip", "no port 99999"),
        ("https://example.org:x/a.zip", "Invalid port"),
        ("https://a..b/a.zip", "no address that can be fetched"),
        (f"https://{'a' * 70}.org/a.zip", "no address that can be fetched"),
    ],
)
def test_an_address_that_cannot_work_is_refused_before_anything_is_asked(url: str, why: str, tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(HwascError, match=why):
        download(Remote("a.zip", url, 3, MD5), tmp_path / "a.zip", connect(), say=said.append)
    with pytest.raises(HwascError, match=why):
        read(url, connect(), said.append)
    assert not said and not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["ftp://example.org/x", "https://[::1", "https://a..b/"])
def test_a_redirection_that_cannot_work_is_given_up_at_once(to: str, site: Any) -> None:
    said: list[str] = []
    site.statuses["x"] = [(302, {"Location": to})] * 9
    with pytest.raises(HwascError):
        read(f"{site.url}/x", connect(), said.append)
    assert not said and len(site.statuses["x"]) == 8, "asked once"


@pytest.mark.parametrize(
    ("error", "lasts"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), True),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), False),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), True),
        (ssl.SSLEOFError(8, "UNEXPECTED_EOF_WHILE_READING"), False),
        (ConnectionRefusedError(111, "Connection refused"), False),
    ],
)
def test_a_server_that_does_not_exist_is_not_asked_again(error: Exception, lasts: bool) -> None:
    try:
        raise httpx.ConnectError(str(error)) from error
    except httpx.ConnectError as e:
        assert module._is_transient(e) is not lasts
