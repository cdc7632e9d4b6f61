"""Independent jobs on several processes, one OpenMP thread each; the results do not depend on how many."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, TypeVar

from hwasc.training.device import one_thread

Job = TypeVar("Job")
Result = TypeVar("Result")
Submit = Callable[[Callable[[Any], Any], list[Any]], Iterator[tuple[int, Any]]]


@contextmanager
def pool(workers: int) -> Iterator[Submit]:
    """A function `run(function, jobs)` that yields (index, result) as jobs finish; in this process for one worker.

    `function` must be a module's top-level function, jobs and results picklable.
    """
    if workers <= 1:
        yield lambda function, jobs: ((i, function(job)) for i, job in enumerate(jobs))
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before the children load OpenMP
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=start_worker)

    def run(function: Callable[[Any], Any], jobs: list[Any]) -> Iterator[tuple[int, Any]]:
        futures = {executor.submit(function, job): i for i, job in enumerate(jobs)}
        for future in as_completed(futures):
            yield futures[future], future.result()

    try:
        yield run
        executor.shutdown()
    except BaseException:
        for process in list((executor._processes or {}).values()):
            process.terminate()  # an interrupted user does not wait for trainings to end
        executor.shutdown(wait=False, cancel_futures=True)
        raise


def start_worker() -> None:
    """Settle a new process: Ctrl-C is the parent's business, one OpenMP thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    one_thread()


def in_order(results: Iterable[tuple[int, Result]], count: int) -> list[Result]:
    """All results by job order."""
    out: dict[int, Result] = dict(results)
    return [out[i] for i in range(count)]
