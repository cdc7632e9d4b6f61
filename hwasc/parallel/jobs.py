"""Independent jobs on several processes, one OpenMP thread each; the results do not depend on how many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hwasc.parallel.processes import as_finished, processes

Result = TypeVar("Result")
Submit = Callable[[Callable[[Any], Any], list[Any]], Iterator[tuple[int, Any]]]


@contextmanager
def pool(workers: int) -> Iterator[Submit]:
    """Open processes for many lists of jobs.

    Args:
        workers: Number of processes; 1 runs the jobs in this process.

    Yields:
        A function `run(function, jobs)` that yields (index, result) as jobs finish. `function` must be a module's top-level
        function, jobs and results picklable.
    """
    with processes(workers) as executor:
        yield lambda function, jobs: as_finished(executor.submit(function, job) for job in jobs)


def in_order(results: Iterable[tuple[int, Result]], count: int) -> list[Result]:
    """Collect results in the order of their jobs.

    Args:
        results: (index, result) in any order.
        count: Number of jobs.

    Returns:
        The results.
    """
    out: dict[int, Result] = dict(results)
    return [out[i] for i in range(count)]
