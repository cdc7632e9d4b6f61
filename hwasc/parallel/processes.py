"""Executors over several processes with one OpenMP thread each, or over this process; results are the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from hwasc.errors import HwascError
from hwasc.parallel.children import process_context
from hwasc.parallel.device import configure_process

Result = TypeVar("Result")


class InProcessExecutor(Executor):
    """Runs each job in this process when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a call.

        Args:
            fn: The function.
            *args: Its arguments.
            **kwargs: Its keyword arguments.

        Returns:
            A finished future. It holds an exception of the call; interruptions (KeyboardInterrupt) are raised instead.
        """
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as e:
            future.set_exception(e)
        return future


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """Open an executor. Its processes end at once when the block is left by an exception.

    Args:
        workers: Number of processes, which are spawned; 1 runs everything in this process.

    Yields:
        The executor. Functions must be top-level ones of a module, arguments and results picklable.

    Raises:
        HwascError: A process died.
    """
    if workers <= 1:
        yield InProcessExecutor()
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before the children load OpenMP
    executor = ProcessPoolExecutor(workers, process_context(), initializer=configure_process)
    try:
        yield executor
        executor.shutdown()
    except BaseException as e:
        for process in list((executor._processes or {}).values()):
            process.terminate()  # an interrupted user does not wait for trainings to end
        executor.shutdown(
            cancel_futures=True
        )  # they have ended, and write no more, before the caller deletes their files
        if isinstance(e, BrokenProcessPool):
            raise HwascError(
                "a worker process died, out of memory perhaps; try fewer --workers, the same command goes on"
            ) from None
        raise


def as_finished(futures: Iterable[Future[Result]]) -> Iterator[tuple[int, Result]]:
    """Yield results as they finish. The exception of a failed call is raised.

    Args:
        futures: Drawn one by one: what is finished when it is submitted is yielded before the next is submitted.

    Yields:
        (index, result).
    """
    waiting: dict[Future[Result], int] = {}
    for i, future in enumerate(futures):
        waiting[future] = i
        for done in [f for f in waiting if f.done()]:
            yield waiting.pop(done), done.result()
    for future in as_completed(waiting):
        yield waiting[future], future.result()
