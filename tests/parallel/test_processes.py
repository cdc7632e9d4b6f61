"""Work in this process or others: told as it finishes, nothing left running when it fails."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import psutil
import pytest

from hwasc.errors import HwascError
from hwasc.parallel.processes import InProcessExecutor, as_finished, processes

pytestmark = pytest.mark.slow


def test_work_in_this_process_is_told_before_the_next_begins() -> None:
    events: list[str] = []

    def futures() -> Iterator[Future[None]]:
        for name in "ab":
            yield InProcessExecutor().submit(events.append, f"did {name}")

    for i, _ in as_finished(futures()):
        events.append(f"told {i}")
    assert events == ["did a", "told 0", "did b", "told 1"]


def test_an_interruption_in_this_process_is_not_kept_for_later() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        InProcessExecutor().submit(stop)


def test_results_come_as_they_finish_not_as_they_were_asked() -> None:
    slow, quick = Future[str](), Future[str]()
    quick.set_result("quick")
    results = as_finished([slow, quick])
    assert next(results) == (1, "quick")
    slow.set_result("slow")
    assert list(results) == [(0, "slow")]


def test_a_dead_process_is_one_line_and_the_others_end() -> None:
    with pytest.raises(HwascError, match="a worker process died"), processes(2) as executor:
        long = executor.submit(
            time.sleep, 5
        )  # Python may notice a process that died while it started only at the next event
        executor.submit(os._exit, 1).result(60)
    assert long.done()


PARENT = """
import os, time
from hwasc.parallel.processes import processes
if __name__ == "__main__":
    with processes(2) as executor:
        print(executor.submit(os.getpid).result(), flush=True)
        executor.submit(time.sleep, 60).result()
"""


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    for _ in range(100):
        with contextlib.suppress(psutil.NoSuchProcess):
            if (
                psutil.Process(worker).status() != psutil.STATUS_ZOMBIE
            ):  # not every system's first process clears up at once
                time.sleep(0.1)
                continue
        return
    os.kill(worker, 9)
    pytest.fail("a worker outlived its parent")
