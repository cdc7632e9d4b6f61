"""Engines: where candidates are scored. One class each, one contract test for all: no score depends on which it was."""

from __future__ import annotations

import inspect
from concurrent.futures import Future
from types import TracebackType
from typing import Protocol

from hwasc.errors import UsageError
from hwasc.nas.job import Candidate, Score
from hwasc.parts import ENGINES


class Engine(Protocol):
    """Scores candidates somewhere, within a `with` block, which ends what runs there.

    A class is made with `workers`, and with `address` if it has that parameter. It raises UsageError or HwascError there if it
    cannot be used: before the hours of work.
    """

    def __enter__(self) -> Engine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...

    def submit(self, candidate: Candidate, seed: int) -> Future[Score]:
        """Score a candidate by its proxy (`hwasc.nas.proxies.score`).

        Args:
            candidate: The job.
            seed: Replaces the candidate's.

        Returns:
            The score to come; its exceptions are the proxy's own.
        """
        ...


def create(engine: str | Engine, *, workers: int, address: str | None = None) -> Engine:
    """An engine, checked and ready for its `with` block.

    Args:
        engine: A name, or an object.
        workers: Processes on this machine.
        address: Of a cluster, for engines that have one.

    Returns:
        The engine.

    Raises:
        UsageError: The name is unknown, or the engine takes no address or cannot be used here.
        HwascError: Nothing answers at the address.
    """
    takes_address = isinstance(engine, str) and "address" in inspect.signature(ENGINES.get(engine)).parameters
    if address is not None and not takes_address:
        raise UsageError(f"--address {address}: this engine takes no address; use --engine ray")
    if not isinstance(engine, str):
        return engine
    named = {"address": address} if takes_address else {}
    created: Engine = ENGINES.get(engine)(workers=workers, **named)
    return created
