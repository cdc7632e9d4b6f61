"""Engine `ray` on a cluster of several nodes, of which some die in the middle of a trial."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from hwasc.data.features import Features
from hwasc.errors import HwascError
from hwasc.nas import engines, proxies
from hwasc.nas.job import Candidate, Score

pytest.importorskip("ray", reason="Ray is not installed (hwasc[ray])")

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without CPUs, so that tasks run on the nodes that a test adds; in a folder short enough for sockets."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory(prefix="hwasc-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        (Path(folder) / "ray").mkdir()
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        yield made
        made.shutdown()


def worker_below(node: Any, future: Future[Score], besides: int = 0, seconds: float = 60) -> int:
    """The process of a node that runs a trial, once it does. Ray names its processes after their task."""
    import psutil

    raylet = node.all_processes["raylet"][0].process
    end = time.monotonic() + seconds
    while time.monotonic() < end and not future.done():
        for process in psutil.Process(raylet.pid).children():
            with contextlib.suppress(psutil.Error):  # it ended while we looked
                if process.pid != besides and "_score" in " ".join(process.cmdline()):
                    return process.pid
        time.sleep(0.05)
    raise AssertionError(f"no trial runs there (done: {future.done()})")


@pytest.mark.long
def test_a_trial_whose_worker_and_then_whose_node_dies_is_run_again(
    cluster: Any, candidates: list[Candidate], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    c = candidates[0]
    long = dataclasses.replace(c, proxy="distillation", train_settings=dataclasses.replace(c.train_settings, epochs=15))
    first = cluster.add_node(num_cpus=1)
    with engines.create("ray", workers=1, address=cluster.address) as engine:
        future = engine.submit(long, 5)
        worker = worker_below(first, future)
        os.kill(worker, signal.SIGKILL)
        again = worker_below(first, future, besides=worker)
        os.kill(again, signal.SIGSTOP)  # a node takes longer to start than the trial may to end
        second = cluster.add_node(num_cpus=1)
        cluster.remove_node(first, allow_graceful=False)
        os.kill(again, signal.SIGKILL)  # a stopped process does not see that its node is gone
        worker_below(second, future)
        found = future.result(60)
        gone = dataclasses.replace(long, validation=moved(long, tmp_path))
        with pytest.raises(HwascError, match="same --cache folder"):
            engine.submit(gone, 5).result(60)
    assert capsys.readouterr().out == "", "standard output is for results"
    here = proxies.score(dataclasses.replace(long, seed=5))
    assert dataclasses.replace(found, seconds=here.seconds) == here


@pytest.mark.long
def test_workers_of_every_node_are_kept_while_trials_wait(cluster: Any, candidates: list[Candidate]) -> None:
    """Ray gives a worker back half a second after it was asked for; on a second node the next trial then begins 0.1 s later."""

    def wait(candidate: Candidate, /) -> Score:  # a function of its own, so that Ray sends it whole
        start = time.monotonic()
        time.sleep(0.7)
        return Score(value=start, value_error=os.getpid(), seconds=time.monotonic() - start)

    for _ in range(2):
        cluster.add_node(num_cpus=1)
    job = dataclasses.replace(candidates[0], proxy=wait)
    with engines.create("ray", workers=2, address=cluster.address) as engine:
        scores = [future.result(60) for future in [engine.submit(job, i) for i in range(14)]]
    gaps = {}
    for worker in {s.value_error for s in scores}:
        mine = sorted((s for s in scores if s.value_error == worker), key=lambda s: s.value)
        gaps[worker] = statistics.median(
            after.value - before.value - before.seconds for before, after in itertools.pairwise(mine)
        )
    assert len(gaps) == 2 and max(gaps.values()) < 0.04, gaps


def moved(candidate: Candidate, folder: Path) -> Features:
    """Features whose file other processes do not find."""
    v = candidate.validation
    copy = Path(shutil.copy(v.path, folder / "array"))
    features = Features(copy, v.shape, v.clips, v.classes, v.hashes)
    copy.unlink()
    return features
