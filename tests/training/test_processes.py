"""Work in this process or others: told as it finishes, nothing left running when it fails."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from hwasc.errors import HwascError
from hwasc.training.processes import Here, as_finished, processes


def test_work_in_this_process_is_told_before_the_next_begins() -> None:
    events: list[str] = []

    def futures() -> Iterator[Future[None]]:
        for name in "ab":
            yield Here().submit(events.append, f"did {name}")

    for i, _ in as_finished(futures()):
        events.append(f"told {i}")
    assert events == ["did a", "told 0", "did b", "told 1"]


def test_an_interruption_in_this_process_is_not_kept_for_later() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Here().submit(stop)


def test_results_come_as_they_finish_not_as_they_were_asked() -> None:
    slow, quick = Future[str](), Future[str]()
    quick.set_result("quick")
    results = as_finished([slow, quick])
    assert next(results) == (1, "quick")
    slow.set_result("slow")
    assert list(results) == [(0, "slow")]


def test_a_dead_process_is_one_line_and_the_others_end() -> None:
    with pytest.raises(HwascError, match="a worker process died"), processes(2) as executor:
        long = executor.submit(time.sleep, 5)  # Python may notice a process that died while it started only at the next event
        executor.submit(os._exit, 1).result(60)
    assert long.done()
