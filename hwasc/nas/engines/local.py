"""Engine `local`: processes of this machine, or this process for one worker."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

from hwasc.nas import proxies
from hwasc.nas.job import Candidate, Score
from hwasc.parallel.processes import processes


class LocalEngine:
    """Scores on so many processes; Ctrl-C ends what runs, at once."""

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self._stack = ExitStack()

    def __enter__(self) -> LocalEngine:
        self._executor = self._stack.enter_context(processes(self.workers))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def submit(self, candidate: Candidate, seed: int) -> Future[Score]:
        """See `Engine`."""
        return self._executor.submit(proxies.score, replace(candidate, seed=seed))
