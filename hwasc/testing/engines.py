"""The contract of an engine.

from hwasc.testing.engines import check_engine

def test_my_engine() -> None:
    check_engine(MyEngine(workers=2))
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from hwasc.errors import UsageError
from hwasc.nas import proxies
from hwasc.nas.engines import Engine
from hwasc.nas.job import Candidate
from hwasc.parallel.processes import as_finished
from hwasc.testing import examples
from hwasc.testing.proxies import numbers

SECONDS = 120  # the longest time of a score


def check_engine(engine: Engine) -> None:
    """Check that an engine fulfils its contract: it gives the proxy's scores and errors, in any order.

    Args:
        engine: Not yet entered; the check enters and leaves it.

    Raises:
        AssertionError: Describes the first violation.
    """
    with tempfile.TemporaryDirectory() as folder:
        jobs = examples.candidates(Path(folder))
        with engine as opened:
            assert opened is not None, "__enter__ returns None; it must return the engine"
            _check_scores(opened, jobs)
            _check_errors(opened, jobs[0])
            _check_many(opened, jobs)


def _check_scores(engine: Engine, jobs: list[Candidate]) -> None:
    """Each score is the one that the proxy gives for the submitted seed."""
    work = [(job, seed) for job in jobs for seed in (3, 4)]
    expected = [numbers(proxies.score(dataclasses.replace(job, seed=seed))) for job, seed in work]
    futures = [engine.submit(dataclasses.replace(job, seed=77), seed) for job, seed in reversed(work)]
    found = [numbers(future.result(SECONDS)) for future in reversed(futures)]
    assert found == expected, f"scores are {found}, those of the proxy are {expected}"


def _check_errors(engine: Engine, job: Candidate) -> None:
    """A proxy's exception arrives unchanged, and the engine still works afterwards."""
    error = engine.submit(dataclasses.replace(job, device="nonsense"), 0).exception(SECONDS)
    assert isinstance(error, UsageError), f"the proxy's UsageError arrives as {type(error).__name__}: {error}"
    cheap = dataclasses.replace(job, proxy="parameters")
    assert engine.submit(cheap, 0).result(SECONDS).value > 0, "no score after an error"


def _check_many(engine: Engine, jobs: list[Candidate]) -> None:
    """Many jobs at once: each is scored, under its own index."""
    work = [dataclasses.replace(jobs[i % 2], proxy="synflow") for i in range(12)]
    found = {i: score.value for i, score in as_finished(engine.submit(job, i) for i, job in enumerate(work))}
    expected = {i: proxies.score(dataclasses.replace(job, seed=i)).value for i, job in enumerate(work)}
    assert found == expected, "of many simultaneous jobs some have another job's score"
