"""Work on several processes, one OpenMP thread each, or in this one; results are the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from hwasc.errors import HwascError
from hwasc.parallel.device import settle_process

Result = TypeVar("Result")


class Here(Executor):
    """Runs a job in this process while it is submitted: its future is finished."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The finished future of a call; an interruption is not kept in it but raised."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as e:
            future.set_exception(e)
        return future


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """An executor over so many spawned processes, or in this process for one worker. They end at once when the block is left
    by an exception.

    Functions must be a module's top-level ones, arguments and results picklable. HwascError where a process died.
    """
    if workers <= 1:
        yield Here()
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before the children load OpenMP
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=start_worker)
    try:
        yield executor
        executor.shutdown()
    except BaseException as e:
        for process in list((executor._processes or {}).values()):
            process.terminate()  # an interrupted user does not wait for trainings to end
        executor.shutdown(wait=False, cancel_futures=True)
        if isinstance(e, BrokenProcessPool):
            raise HwascError(
                "a worker process died, out of memory perhaps; try fewer --workers, the same command goes on"
            ) from None
        raise


def as_finished(futures: Iterable[Future[Result]]) -> Iterator[tuple[int, Result]]:
    """(index, result) as they finish; a failed one's exception is raised.

    `futures` is drawn from one by one, so that what is finished when it is submitted is told before the next is submitted.
    """
    waiting: dict[Future[Result], int] = {}
    for i, future in enumerate(futures):
        waiting[future] = i
        for done in [f for f in waiting if f.done()]:
            yield waiting.pop(done), done.result()
    for future in as_completed(waiting):
        yield waiting[future], future.result()


def start_worker() -> None:
    """Settle a new process: Ctrl-C is the parent's business, it ends with the parent, one OpenMP thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    settle_process()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """A parent that is killed cannot end its workers, which would wait for jobs for ever."""
    parent.join()
    os._exit(1)
