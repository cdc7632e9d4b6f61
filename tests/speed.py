"""Bounds on time that hold on a slow or busy machine, too: work is timed in turn with work that never changes."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable

# What `_yardstick` takes on the processor for which bounds are written (AMD EPYC, CPython 3.11)
YARDSTICK_SECONDS = 0.0085


def seconds(work: Callable[[], object], *, attempts: int = 5) -> float:
    """Least processor seconds of some work, its child processes' among them, as on the processor for which bounds are written.

    Args:
        work: What is timed; it must have ended its child processes when it returns.
        attempts: How often work and yardstick are timed in turn; of each, the least time counts.

    Returns:
        Seconds: the ratio of both times, times `YARDSTICK_SECONDS`.
    """
    _yardstick()  # the first time takes longer
    taken = [(_used(_yardstick), _used(work)) for _ in range(attempts)]
    return min(own for _, own in taken) / min(fixed for fixed, _ in taken) * YARDSTICK_SECONDS


def _yardstick() -> None:
    """Objects, dictionaries, strings and integers in plain Python, as the timed work has them."""
    rows = [{"name": f"n{i}", "at": (i, i * i), "bytes": sum(range(i % 40))} for i in range(4000)]
    again = json.loads(json.dumps(rows))
    sorted(again, key=lambda row: (row["bytes"], row["name"]))


def _used(work: Callable[[], object]) -> float:
    start = _processor_seconds()
    work()
    return _processor_seconds() - start


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
