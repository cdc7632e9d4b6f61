"""The contract of every engine: the proxy's own scores and errors, whatever the machine, the number of workers and the order."""

from __future__ import annotations

import dataclasses
import importlib.util
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hwasc.errors import HwascError, UsageError, WrongFile
from hwasc.nas import engines, proxies
from hwasc.nas.engines import Engine
from hwasc.nas.job import Candidate, Score
from hwasc.parallel.processes import as_finished
from hwasc.parts import ENGINES

pytestmark = pytest.mark.slow

with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (hwasc[ray])")
KINDS = [("local", 1), ("local", 2), pytest.param(("ray", 2), marks=[with_ray, pytest.mark.long])]


def measured(score: Score) -> tuple[float, float | None, float | None]:
    return score.value, score.float_accuracy, score.standard_error


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0]}{kind[1]}")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    name, workers = request.param
    with engines.create(name, workers=workers) as opened:
        yield opened


@pytest.fixture(scope="module")
def jobs(candidates: list[Candidate]) -> list[Candidate]:
    """Both proxies that a search may use, on two candidates, by two seeds."""
    work = [("distillation", 0, 3), ("supernet", 0, 4), ("distillation", 1, 4), ("supernet", 1, 3)]
    return [dataclasses.replace(candidates[i], proxy=proxy, seed=seed) for proxy, i, seed in work]


@pytest.fixture(scope="module")
def expected(jobs: list[Candidate]) -> list[tuple[float, float | None, float | None]]:
    scores = [measured(proxies.score(job)) for job in jobs]
    assert len(set(scores)) > 1
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


def test_jobs_that_share_all_but_one_part_are_told_apart(engine: Engine, candidates: list[Candidate]) -> None:
    """What jobs share is sent once: clips, targets, or the ensemble's logits may differ alone."""
    c = dataclasses.replace(candidates[0], proxy="supernet")
    rows = np.arange(0, len(c.data.train), 2)
    work = [
        c,
        dataclasses.replace(c, ensemble=None),
        dataclasses.replace(c, data=dataclasses.replace(c.data, rows=rows)),
    ]
    found = dict(as_finished(engine.submit(work[i % 3], 3) for i in range(9)))
    direct = [measured(proxies.score(dataclasses.replace(job, seed=3))) for job in work]
    assert [measured(found[i]) for i in range(9)] == direct * 3 and len(set(direct)) == 3


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"device": "nonsense"}, UsageError),
        ({"supernet": "missing"}, WrongFile),
        ({"proxy": "nonsense"}, UsageError),
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
    with pytest.raises(UsageError, match=r"engine 'slurm' is not known \(known: local, ray\)"):
        engines.create("slurm", workers=1)
    with pytest.raises(UsageError, match="use --engine ray"):
        engines.create("local", workers=1, address="auto")
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "hwasc.nas.engines.ray", raising=False)
    monkeypatch.setattr(ENGINES, "_parts", {})
    with pytest.raises(UsageError, match=r"pip install 'hwasc\[ray\]'"):
        engines.create("ray", workers=1)


@with_ray
def test_an_address_where_nothing_answers_is_told_at_once() -> None:
    with socket.socket() as taken:  # a port that is nobody's: bound, not listening
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(HwascError, match="no Ray cluster answers"):
            engines.create("ray", workers=1, address=f"127.0.0.1:{taken.getsockname()[1]}")
    with pytest.raises(UsageError, match="HOST:PORT"):
        engines.create("ray", workers=1, address="nonsense")


@with_ray
def test_a_node_with_another_version_is_refused(candidates: list[Candidate]) -> None:
    from hwasc.nas.engines import ray as engine

    with pytest.raises(HwascError, match="install one"):
        engine._score(candidates[0], [], "0.0.0")
