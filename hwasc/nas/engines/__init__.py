"""Engines: where candidates are scored. One adapter each, one contract test for all: no score depends on which it was."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from hwasc.errors import HwascError, UsageError

if TYPE_CHECKING:  # the command line reads NAMES: nothing heavy here
    from concurrent.futures import Future

    from hwasc.nas.job import Candidate, Score

NAMES = ("local", "ray")
REACH_SECONDS = 10.0


class Engine(Protocol):
    """Scores candidates somewhere; the block that opened it ends what runs there."""

    def submit(self, candidate: Candidate, seed: int) -> Future[Score]:
        """The score of the candidate with this seed of weights and batches; exceptions are the proxy's own."""


def check(name: str, address: str | None = None) -> None:
    """UsageError, HwascError where there is no such engine: for a command to see before its hours of work."""
    _module(name, address)


@contextmanager
def open(name: str, workers: int, address: str | None = None) -> Iterator[Engine]:
    """The engine of this name: `local` on so many processes of this machine, `ray` on the cluster at this address.

    Without an address Ray is started on this machine for the block, with so many CPUs. Ctrl-C ends what runs, at once.
    UsageError, HwascError where it cannot be had.
    """
    engine: AbstractContextManager[Engine] = _module(name, address).engine(workers, address)
    with engine as opened:
        yield opened


def _module(name: str, address: str | None) -> Any:
    module = _imported(name, address)
    if address is not None and address != "auto":
        _reach(address)
    return module


def _reach(address: str) -> None:
    """HwascError where nothing listens: Ray itself would go on trying for minutes."""
    import socket

    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"--address {address}: expected HOST:PORT or 'auto'")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as e:
        raise HwascError(
            f"--address {address}: no Ray cluster answers ({e}); start one with: ray start --head"
        ) from None


def _imported(name: str, address: str | None) -> Any:
    if name not in NAMES:
        raise UsageError(f"engine '{name}': there is no such one (engines: {', '.join(NAMES)})")
    if address is not None and name != "ray":
        raise UsageError(f"--address {address}: a cluster's address needs --engine ray")
    try:
        return importlib.import_module(f"hwasc.nas.engines.{name}")
    except ModuleNotFoundError as e:
        if e.name != "ray":
            raise
        raise UsageError("--engine ray: Ray is not installed; pip install 'hwasc[ray]'") from None
