"""Engine `local`: processes of this machine, or this process for one worker."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hwasc.nas import proxies
from hwasc.nas.job import Candidate, Score
from hwasc.parallel.processes import processes


@dataclass(frozen=True)
class Local:
    """Scores by an executor."""

    executor: Executor

    def submit(self, candidate: Candidate, seed: int) -> Future[Score]:
        """See `engines.Engine`."""
        return self.executor.submit(proxies.score, replace(candidate, seed=seed))


@contextmanager
def engine(workers: int, _: str | None = None) -> Iterator[Local]:
    """See `engines.open`."""
    with processes(workers) as executor:
        yield Local(executor)
