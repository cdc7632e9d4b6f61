"""Jobs on several processes: all results by index, errors and order the same whatever the number of workers."""

from __future__ import annotations

import math

import pytest

from hwasc.parallel.jobs import in_order, pool

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("workers", [1, 2])
def test_every_result_once_by_index(workers: int) -> None:
    with pool(workers) as run:
        assert in_order(run(math.factorial, [3, 1, 5, 0]), 4) == [6, 1, 120, 1]
        assert in_order(run(math.sqrt, [4.0]), 1) == [2.0]  # the same processes take the next jobs


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_job_is_raised_here(workers: int) -> None:
    with pytest.raises(ValueError), pool(workers) as run:
        list(run(math.sqrt, [-1.0]))
