"""The contract of a proxy.

from hwasc.testing.proxies import check_proxy

def test_my_proxy() -> None:
    check_proxy(my_proxy)
"""

from __future__ import annotations

import dataclasses
import math
import pickle
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from hwasc.nas.job import Candidate, Score
from hwasc.nas.proxies import Proxy, measures_accuracy
from hwasc.testing import examples


def check_proxy(proxy: Proxy, jobs: Sequence[Candidate] = ()) -> None:
    """Check that a proxy fulfils its contract, on two candidates with small random data.

    Args:
        proxy: The callable.
        jobs: Two other candidates to score.

    Raises:
        AssertionError: Describes the first violation.
    """
    if not jobs:
        with tempfile.TemporaryDirectory() as folder:
            check_proxy(proxy, examples.candidates(Path(folder)))
        return
    try:
        unpickled = pickle.loads(pickle.dumps(proxy))
    except Exception as e:
        raise AssertionError(
            f"the proxy cannot be pickled for other processes ({e}); define it at the top of a module"
        ) from e
    first, second = (dataclasses.replace(job, proxy=proxy) for job in jobs[:2])
    torch.manual_seed(1)
    score = proxy(first)
    torch.manual_seed(99)
    again = unpickled(pickle.loads(pickle.dumps(first)))
    assert isinstance(score, Score), f"returns {type(score).__name__}, not a Score"
    assert math.isfinite(score.value), f"the value {score.value} is not finite"
    assert score.seconds >= 0, f"the score took {score.seconds} s"
    assert numbers(again) == numbers(score), "the same candidate and seed get another score in another process"
    assert proxy(second).value != score.value, "two different candidates get the same value"
    if measures_accuracy(proxy):
        assert score.accuracy is not None and 0 <= score.accuracy <= 1, (
            f"accuracy is {score.accuracy}; return 0 to 1, or set the proxy's attribute measures_accuracy to False"
        )
        for name in ("standard_error", "value_error"):
            value = getattr(score, name)
            assert value is not None and value >= 0, f"{name} is {value}; a search needs a number of at least 0"
    else:
        assert score.accuracy is None, "there is an accuracy; set measures_accuracy to True"


def numbers(score: Score) -> Score:
    """A score without the time that it took."""
    return dataclasses.replace(score, seconds=0)
