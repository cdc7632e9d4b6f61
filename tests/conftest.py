"""Shared: a tiny simulated data set, settings that finish in seconds, and a workspace over them."""

from __future__ import annotations

import gc
import os
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import browser, chromium  # fixtures for all tests

__all__ = ["browser", "chromium"]

if TYPE_CHECKING:
    from hwasc.workspace import Workspace

TINY = [
    "teachers=[crnn,patch_transformer]", "teachers.folds=2", "teachers.mels=40", "teachers.frames=17",
    "teachers.train.epochs=1", "teachers.train.batch=32", "fusion.epochs=1", "fusion.paper_epochs=1", "search.proxy=distillation",
    "search.trials=3",
    "search.population=2", "search.at_a_time=2", "search.train.epochs=1", "search.train.batch=32", "distill.train.epochs=2",
    "distill.train.batch=32", "distill.qat.epochs=1", "distill.qat.batch=32", "search.rescore=2",
    "search.rescore_train.epochs=1", "search.rescore_on=validation", "search.refine_train.epochs=2",
    "search.supernet.points=12", "search.proxy_steps=5", "search.supernet.train.epochs=1", "search.supernet.train.batch=32",
]  # fmt: skip

TINY_SPACE = """
name: tiny
front_end: {mels: [40], frames: [17], n_fft: 1024, window: 1024, sample_rate: 16000}
stem: [4]
stages:
  - {depth: [1], width: [8, 16], expansion: [2], kernel: [3], stride: ["1x1"], grn: [none, scalar]}
  - {depth: [1], width: [16, 24], expansion: [2], kernel: [3, 5], stride: ["2x1"], grn: [none, channel]}
"""


def pytest_configure() -> None:
    """Output of commands is that of a pipe, whatever width a terminal around the tests has."""
    os.environ.pop("COLUMNS", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: the last files of two processes then end together."""
    slow: dict[Path, int] = {}
    for item in items:
        slow[item.path] = slow.get(item.path, 0) + (item.get_closest_marker("slow") is not None)
    items.sort(key=lambda item: -min(slow[item.path], 1))


def pytest_collection_finish() -> None:
    """Spare the collector of cycles what lives to the end: half a million objects of torch and others, a tenth of all time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 120 training and 90 test clips in TAU's layout."""
    from hwasc.data.synthetic import SyntheticSpec, generate

    spec = SyntheticSpec(train_locations=3, test_locations=1, clips_per_location=4, test_clips_per_location=9)
    return generate(tmp_path_factory.mktemp("tiny") / "scenes", spec, workers=1)


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all: teachers and features are made once a test process."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def tiny_space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search space of sixteen small nets."""
    path = tmp_path_factory.mktemp("space") / "tiny.yaml"
    path.write_text(TINY_SPACE)
    return path


@pytest.fixture(scope="session")
def tiny_settings() -> list[str]:
    """The tiny settings as arguments."""
    return [x for s in TINY for x in ("--set", s)]


@pytest.fixture(scope="session")
def tiny_workspace(tiny_data: Path, tiny_cache: Path) -> Workspace:
    """A workspace over the tiny data."""
    from hwasc.records.settings import Settings
    from hwasc.workspace import open_workspace

    return open_workspace(tiny_data, Settings.load(None, TINY), cache=tiny_cache)


@pytest.fixture
def hwasc(
    tiny_data: Path, tiny_cache: Path, tiny_settings: list[str], capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: (exit status, standard output, standard error). `tiny=True` adds the tiny settings."""
    from hwasc.cli import main

    def run(*argv: object, tiny: bool = False) -> tuple[int, str, str]:
        arguments = [str(a) for a in argv]
        if tiny:
            arguments[1:1] = ["--data", str(tiny_data), "--cache", str(tiny_cache), *tiny_settings]
        try:
            status = main(arguments)
        except SystemExit as e:  # argparse
            status = int(e.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


class Site:
    """A web server of this machine. files: path to content; drops: path to the byte of the file before which the next
    answers end; wrong: path to how many answers have a flipped bit; statuses: path to what the next answers are instead.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.drops: dict[str, list[int]] = {}
        self.wrong: dict[str, int] = {}
        self.statuses: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self.ranges = True
        self.sent: list[tuple[str, int, int]] = []  # path, first byte, bytes
        self.agents: set[str] = set()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        path = to.path.lstrip("/")
        self.agents.add(to.headers["User-Agent"])
        if self.statuses.get(path):
            status, headers = self.statuses[path].pop(0)
            return self._head(to, status, {**headers, "Content-Length": "0"})
        if path not in self.files:
            return self._head(to, 404, {"Content-Length": "0"})
        body = self.files[path]
        if self.wrong.get(path):
            self.wrong[path] -= 1
            body = body[:-1] + bytes([body[-1] ^ 1])
        asked = re.fullmatch(r"bytes=(\d+)-", to.headers.get("Range", "")) if self.ranges else None
        first = int(asked[1]) if asked else 0
        end = self.drops[path].pop(0) if self.drops.get(path) else len(body)
        self.sent.append((path, first, max(0, min(end, len(body)) - first)))
        if asked:
            span = {"Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"}
            self._head(to, 206, {**span, "Content-Length": str(len(body) - first)})
        else:
            self._head(to, 200, {"Content-Length": str(len(body))})
        to.wfile.write(body[first:end])
        to.close_connection = True

    def bytes_of(self, path: str) -> int:
        return sum(count for sent, _, count in self.sent if sent == path)

    @staticmethod
    def _head(to: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name, value)
        to.end_headers()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server on this machine, and no waiting between attempts."""
    monkeypatch.setattr("hwasc.data.download.FIRST_WAIT", 0.01)
    found = Site()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()
