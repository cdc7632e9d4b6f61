"""How well a proxy ranks candidates: rank correlations with bootstrap intervals, and what trusting its best would cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 2_000


@dataclass(frozen=True)
class Ranking:
    """A proxy against the truth over the same candidates. Intervals hold 95 % of the bootstrap.

    regret1, regret5: how far the truth of the proxy's first, and the best truth among its first five, lie below the best truth.
    """

    tau: float
    tau_interval: tuple[float, float]
    rho: float
    rho_interval: tuple[float, float]
    regret1: float
    regret5: float


def rank(proxy: np.ndarray, truth: np.ndarray, seed: int) -> Ranking:
    """Kendall's tau-b and Spearman's rho of two (n,) arrays, n >= 3; ties in the proxy go by order."""
    taus, rhos = bootstrap(proxy, truth, seed)
    tau, rho = correlations(proxy, truth)
    first = np.argsort(-proxy, kind="stable")
    best = truth.max()
    return Ranking(
        tau, interval(taus), rho, interval(rhos), float(best - truth[first[0]]), float(best - truth[first[:5]].max())
    )


def correlations(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """(Kendall's tau-b, Spearman's rho); 0 where one side is constant."""
    from scipy import stats

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0, 0.0
    return float(stats.kendalltau(a, b).statistic), float(stats.spearmanr(a, b).statistic)


def bootstrap(
    proxy: np.ndarray, truth: np.ndarray, seed: int, resamples: int = RESAMPLES
) -> tuple[np.ndarray, np.ndarray]:
    """Both correlations over resampled candidates; the same seed resamples the same way, so that proxies can be paired."""
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(len(truth), size=len(truth)) for _ in range(resamples)]
    both = np.array([correlations(proxy[rows], truth[rows]) for rows in drawn])
    return both[:, 0], both[:, 1]


def interval(values: np.ndarray) -> tuple[float, float]:
    """The middle 95 %."""
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)
