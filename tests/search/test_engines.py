"""The contract of every engine: the proxy's own scores and errors, whatever the machine, the number of workers and the order."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from hwasc.data.features import Features
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.search import engines, proxies
from hwasc.search.engines import Engine
from hwasc.search.job import Candidate, Score
from hwasc.training.processes import as_finished

with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (hwasc[ray])")
KINDS = [("local", 1), ("local", 2), pytest.param(("ray", 2), marks=with_ray)]


def measured(score: Score) -> tuple[float, float | None, float | None]:
    return score.value, score.float_accuracy, score.standard_error


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0]}{kind[1]}")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with engines.open(*request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def jobs(candidates: list[Candidate]) -> list[Candidate]:
    """Both proxies that a search may use, on two candidates, by two seeds: slow and fast ones in turn."""
    return [
        dataclasses.replace(c, proxy=proxy, seed=seed)
        for seed in (3, 4)
        for proxy in ("distillation", "supernet")
        for c in candidates
    ]


@pytest.fixture(scope="module")
def expected(jobs: list[Candidate]) -> list[tuple[float, float | None, float | None]]:
    scores = [measured(proxies.score(job)) for job in jobs]
    assert len(set(scores)) >= 4, "a wrong seed or candidate would be seen"
    return scores


def test_scores_are_those_of_the_proxy_itself(
    engine: Engine, jobs: list[Candidate], expected: list[tuple[float, float | None, float | None]]
) -> None:
    other = [dataclasses.replace(job, seed=77) for job in jobs]  # the seed that is submitted decides
    backwards = [(i, engine.submit(other[i], jobs[i].seed)) for i in reversed(range(len(jobs)))]
    assert {i: measured(future.result(120)) for i, future in backwards} == dict(enumerate(expected))


def test_many_jobs_each_once_by_index(engine: Engine, candidates: list[Candidate]) -> None:
    work = [dataclasses.replace(candidates[i % 2], proxy="synflow") for i in range(30)]
    found = list(as_finished(engine.submit(job, i // 2) for i, job in enumerate(work)))
    assert sorted(i for i, _ in found) == list(range(30))
    direct = {i: proxies.score(dataclasses.replace(job, seed=i // 2)).value for i, job in enumerate(work)}
    assert {i: score.value for i, score in found} == direct and len(set(direct.values())) == 30


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"device": "nonsense"}, UsageError),
        ({"supernet": "missing"}, DataError),
        ({"proxy": "nonsense"}, KeyError),
    ],
)
def test_errors_stay_themselves(
    engine: Engine, candidates: list[Candidate], change: dict[str, str], kind: type[Exception]
) -> None:
    c = dataclasses.replace(candidates[0], proxy="supernet")
    assert c.supernet is not None
    if "supernet" in change:
        c = dataclasses.replace(c, supernet=dataclasses.replace(c.supernet, weights=Path("/nowhere/net.safetensors")))
    else:
        c = dataclasses.replace(c, **change)
    with pytest.raises(kind) as here:
        proxies.score(c)
    there = engine.submit(c, 0).exception(60)
    assert type(there) is kind and str(there) == str(here.value)
    assert engine.submit(candidates_again(candidates), 0).result(60).value > 0, "the engine goes on"


def candidates_again(candidates: list[Candidate]) -> Candidate:
    return dataclasses.replace(candidates[1], proxy="parameters")


def test_an_engine_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no such one"):
        engines.check("slurm")
    with pytest.raises(UsageError, match="needs --engine ray"):
        engines.check("local", "auto")
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "hwasc.search.engines.ray", raising=False)
    with pytest.raises(UsageError, match=r"pip install 'hwasc\[ray\]'"):
        engines.check("ray")
    with pytest.raises(UsageError, match=r"hwasc\[ray\]"), engines.open("ray", 1):
        pass


@with_ray
def test_a_node_with_another_version_is_refused(candidates: list[Candidate]) -> None:
    from hwasc.search.engines import ray as engine

    with pytest.raises(HwascError, match="install one"):
        engine._score(candidates[0], [], "0.0.0")


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
            if process.pid != besides and "_score" in " ".join(process.cmdline()):
                return process.pid
        time.sleep(0.05)
    raise AssertionError(f"no trial runs there (done: {future.done()})")


@with_ray
def test_a_trial_whose_worker_and_then_whose_node_dies_is_run_again(
    cluster: Any, candidates: list[Candidate], tmp_path: Path
) -> None:
    c = candidates[0]
    long = dataclasses.replace(c, proxy="distillation", train_settings=dataclasses.replace(c.train_settings, epochs=15))
    first = cluster.add_node(num_cpus=1)
    with engines.open("ray", 1, cluster.address) as engine:
        future = engine.submit(long, 5)
        worker = worker_below(first, future)
        os.kill(worker, signal.SIGKILL)
        worker_below(first, future, besides=worker)
        second = cluster.add_node(num_cpus=1)
        cluster.remove_node(first, allow_graceful=False)
        worker_below(second, future)
        found = future.result(60)
        gone = dataclasses.replace(long, validation=moved(long, tmp_path))
        with pytest.raises(HwascError, match="same --cache folder"):
            engine.submit(gone, 5).result(60)
    assert measured(found) == measured(proxies.score(dataclasses.replace(long, seed=5)))


def moved(candidate: Candidate, folder: Path) -> Features:
    """Features whose file other processes do not find."""
    v = candidate.validation
    copy = Path(shutil.copy(v.path, folder / "array"))
    features = Features(copy, v.shape, v.clips, v.classes, v.hashes)
    copy.unlink()
    return features
