"""How well a proxy ranks candidates: rank correlations with bootstrap intervals, and the regret of its best candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 2_000
CHUNK = 200  # samples whose pairs are held in memory at one time


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """A proxy compared with the truth on the same candidates.

    Attributes:
        tau: Kendall's tau-b, -1..1.
        tau_interval: 95 % interval of the bootstrap.
        rho: Spearman's rho, -1..1.
        rho_interval: 95 % interval of the bootstrap.
        regret1: Best truth minus the truth of the candidate that the proxy ranks first.
        regret5: Best truth minus the best truth among the five that the proxy ranks first.
    """

    tau: float
    tau_interval: tuple[float, float]
    rho: float
    rho_interval: tuple[float, float]
    regret1: float
    regret5: float


def rank(proxy: np.ndarray, truth: np.ndarray, seed: int) -> Ranking:
    """Measure how well a proxy ranks candidates.

    Args:
        proxy: (n,), n >= 3; of equal values the first ranks higher.
        truth: (n,).
        seed: Of the bootstrap.

    Returns:
        Correlations and regrets.
    """
    taus, rhos = bootstrap(proxy, truth, seed)
    tau, rho = correlations(proxy, truth)
    first = np.argsort(-proxy, kind="stable")
    best = truth.max()
    return Ranking(
        tau=tau,
        tau_interval=interval(taus),
        rho=rho,
        rho_interval=interval(rhos),
        regret1=float(best - truth[first[0]]),
        regret5=float(best - truth[first[:5]].max()),
    )


def correlations(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Compute both rank correlations.

    Args:
        a: (n,).
        b: (n,).

    Returns:
        Kendall's tau-b and Spearman's rho; both 0 where an array is constant.
    """
    from scipy import stats

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0, 0.0
    return float(stats.kendalltau(a, b).statistic), float(stats.spearmanr(a, b).statistic)


def bootstrap(
    proxy: np.ndarray, truth: np.ndarray, seed: int, resamples: int = RESAMPLES
) -> tuple[np.ndarray, np.ndarray]:
    """Compute both rank correlations on resampled candidates.

    Args:
        proxy: (n,).
        truth: (n,).
        seed: The same seed gives the same samples, so that proxies can be compared in pairs.
        resamples: Number of samples.

    Returns:
        Kendall's tau-b and Spearman's rho, (resamples,) each.
    """
    rng = np.random.default_rng(seed)
    drawn = np.array([rng.integers(len(truth), size=len(truth)) for _ in range(resamples)])
    parts = [_correlations(proxy[rows], truth[rows]) for rows in np.array_split(drawn, -(-resamples // CHUNK))]
    tau, rho = np.concatenate(parts, axis=1)
    return tau, rho


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Both correlations of (samples, n) values, (2, samples): scipy's take a tenth of a millisecond a sample and more."""
    signs = [np.sign(v[:, :, None] - v[:, None, :]) for v in (a, b)]  # of all pairs
    agreement = (signs[0] * signs[1]).sum((1, 2))
    untied = [np.abs(s).sum((1, 2)) for s in signs]
    ranks = [s.sum(2) / 2 for s in signs]  # minus their mean; equal values share theirs
    products = (ranks[0] * ranks[1]).sum(1)
    spread = [np.square(r).sum(1) for r in ranks]
    with np.errstate(invalid="ignore"):  # where an array is constant
        both = np.array([agreement / np.sqrt(untied[0] * untied[1]), products / np.sqrt(spread[0] * spread[1])])
    return np.nan_to_num(both)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 2.5 % and the 97.5 % quantile."""
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)
