"""Engine `local`: processes of this machine, or this process for one worker.

What candidates share is written to a file once, and read by each process once: of a large data set it is some ten megabytes. The
file lies in a temporary folder that only this user can open, and goes with the engine.
"""

from __future__ import annotations

import functools
import pickle
import tempfile
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from hwasc.nas import proxies
from hwasc.nas.engines.sharing import Shared, key, shared, with_shared, without_shared
from hwasc.nas.job import Candidate, Score
from hwasc.parallel.processes import processes
from hwasc.records.leftovers import temporary_folder


class LocalEngine:
    """Scores on so many processes; Ctrl-C ends what runs, at once."""

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self._stack = ExitStack()
        self._written: dict[
            tuple[int, int], tuple[Shared, Path]
        ] = {}  # keeps the parts, so that their keys stay theirs

    def __enter__(self) -> LocalEngine:
        if self.workers > 1:
            parent = Path(tempfile.gettempdir())
            self._folder = self._stack.enter_context(temporary_folder("hwasc-local-", parent))
        self._executor = self._stack.enter_context(processes(self.workers))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._written.clear()
        return self._stack.__exit__(kind, error, trace)

    def submit(self, candidate: Candidate, seed: int) -> Future[Score]:
        """See `Engine`."""
        if self.workers <= 1:
            return self._executor.submit(proxies.score, replace(candidate, seed=seed))
        return self._executor.submit(_score, without_shared(candidate, seed=seed), self._write(shared(candidate)))

    def _write(self, part: Shared) -> Path:
        if key(part) not in self._written:
            path = self._folder / str(len(self._written))
            path.write_bytes(pickle.dumps(part, pickle.HIGHEST_PROTOCOL))
            self._written[key(part)] = part, path
        return self._written[key(part)][1]


def _score(job: Candidate, path: Path) -> Score:
    return proxies.score(with_shared(job, _read(path)))


@functools.lru_cache(maxsize=8)  # front ends of a space
def _read(path: Path) -> Shared:
    found: Shared = pickle.loads(path.read_bytes())
    return found
