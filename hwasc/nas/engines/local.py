"""Engine `local`: processes of this machine, or this process for one worker.

What candidates share is pickled once, and unpickled by each process once. It goes with every job as bytes.
"""

from __future__ import annotations

import functools
import pickle
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType

from hwasc.nas import proxies
from hwasc.nas.engines.sharing import Shared, key, shared, with_shared, without_shared
from hwasc.nas.job import Candidate, Score
from hwasc.parallel.processes import processes


@dataclass(frozen=True)
class _Pickled:
    """A shared part. Its number alone says which one it is, among those of an engine."""

    number: int
    data: bytes = field(compare=False)


class LocalEngine:
    """Scores on so many processes; Ctrl-C ends what runs, at once."""

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self._stack = ExitStack()
        self._pickled: dict[tuple[int, ...], tuple[Shared, _Pickled]] = {}  # keeps the parts, so that keys stay theirs

    def __enter__(self) -> LocalEngine:
        self._executor = self._stack.enter_context(processes(self.workers))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._pickled.clear()
        return self._stack.__exit__(kind, error, trace)

    def submit(self, candidate: Candidate, seed: int) -> Future[Score]:
        """See `Engine`."""
        if self.workers <= 1:
            return self._executor.submit(proxies.score, replace(candidate, seed=seed))
        return self._executor.submit(_score, without_shared(candidate, seed=seed), self._pickle(shared(candidate)))

    def _pickle(self, part: Shared) -> _Pickled:
        if key(part) not in self._pickled:
            data = pickle.dumps(part, pickle.HIGHEST_PROTOCOL)
            self._pickled[key(part)] = part, _Pickled(len(self._pickled), data)
        return self._pickled[key(part)][1]


def _score(job: Candidate, part: _Pickled) -> Score:
    return proxies.score(with_shared(job, _unpickled(part)))


@functools.lru_cache(maxsize=8)  # front ends of a space; the processes are those of one engine
def _unpickled(part: _Pickled) -> Shared:
    found: Shared = pickle.loads(part.data)
    return found
