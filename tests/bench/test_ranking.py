"""Rankings against what can be counted by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwasc.bench.ranking import bootstrap, correlations, rank


@settings(deadline=None)  # scipy is imported at the first call
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=3, max_size=12, unique=True))
def test_tau_is_pairs_in_order_minus_pairs_out_of_order(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(v, float) for v in zip(*pairs, strict=True))
    signs = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in itertools.combinations(range(len(a)), 2)]
    untied = [sum(v[i] != v[j] for i, j in itertools.combinations(range(len(v)), 2)) for v in (a, b)]
    expected = sum(signs) / np.sqrt(untied[0] * untied[1]) if min(untied) else 0.0
    assert correlations(a, b)[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("values", [7, 3, 1])
def test_the_bootstrap_has_scipys_correlations(values: int) -> None:
    """Many ties, and constant samples."""
    rng = np.random.default_rng(values)
    proxy, truth = rng.integers(values, size=6).astype(float), rng.integers(7, size=6).astype(float)
    again = np.random.default_rng(5)
    drawn = [again.integers(6, size=6) for _ in range(450)]
    expected = [correlations(proxy[rows], truth[rows]) for rows in drawn]
    assert np.column_stack(bootstrap(proxy, truth, 5, 450)) == pytest.approx(np.array(expected), abs=1e-12)


def test_a_perfect_proxy_regrets_nothing_and_a_reversed_one_all() -> None:
    truth = np.linspace(0.5, 0.9, 12)
    good, bad = rank(truth**3, truth, 0), rank(-truth, truth, 0)
    assert (good.tau, good.rho, *good.tau_interval) == pytest.approx((1, 1, 1, 1))
    assert good.regret1 == good.regret5 == 0
    assert (
        bad.tau == pytest.approx(-1)
        and bad.regret1 == pytest.approx(0.4)
        and bad.regret5 == pytest.approx(0.4 * 7 / 11)
    )


def test_intervals_cover_the_truth_of_a_noisy_proxy() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(40):
        truth = rng.standard_normal(24)
        proxy = truth + rng.standard_normal(24)  # correlation 1 / sqrt 2: tau = 2 / pi asin(r) = 0.5
        low, high = rank(proxy, truth, trial).tau_interval
        covered += low <= 0.5 <= high
    assert covered >= 34
