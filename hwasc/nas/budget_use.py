"""Whether a search needs its budget: accuracy against cost by an isotonic fit, and the best candidates within less."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwasc.cost.limits import ResolvedBudget, resolve
from hwasc.nas import location_scores
from hwasc.nas.predictor import promising
from hwasc.nas.problem import Problem
from hwasc.nas.trial import Trial
from hwasc.records import bundled
from hwasc.records.budget import Budget
from hwasc.records.space import Point

MIN_TRIALS = 6  # with fewer, an isotonic fit follows each of them
DRAWS, GRID = 400, 60
BAND = (2.5, 97.5)  # percentiles


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Accuracy against a cost, as a function that never falls.

    Attributes:
        costs: Where the fit is given, rising, (n,).
        accuracy: The fit, 0..1, (n,).
        low: Lower end of its 95 % band, (n,).
        high: Upper end.
        gain: What the fit rises by from the winner's cost to the largest cost of a candidate, 0..1.
        gain_low: Lower end of the 95 % interval of the gain.
        gain_high: Upper end.
        chance: How often a fit explains as much of accuracies that are shuffled among the candidates of the winner's cost and
            more, 0..1 (a permutation test of order). A fit rises in noise, too, so the interval of the gain proves nothing.
    """

    costs: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    gain: float
    gain_low: float
    gain_high: float
    chance: float


@dataclass(frozen=True, kw_only=True)
class Smaller:
    """The best candidate within a smaller budget.

    Attributes:
        budget: Name of the chip's budget, or of the limit of which half is left.
        half: Whether it is half of a limit.
        trial: The candidate; None: no candidate of the search meets it.
        difference: Its accuracy minus the winner's, on the same clips, -1..1.
        error: Standard error of the difference. Where scores are not over folds it ignores that both have the same clips, and is
            too large.
        second: Whether both have second scores.
    """

    budget: str
    half: bool
    trial: Trial | None
    difference: float = math.nan
    error: float = math.nan
    second: bool = False


def fit_accuracy(
    trials: Sequence[Trial], winner: float, cost: Callable[[Trial], float], *, seed: int = 0
) -> Fitted | None:
    """Fit accuracy against a cost by isotonic regression, with a band from drawing the candidates again.

    Args:
        trials: Candidates with scores of one kind.
        winner: The winner's cost.
        cost: The cost of a candidate.
        seed: Of the draws.

    Returns:
        The fit; None with fewer than 6 candidates or one cost.
    """
    costs, shares = np.array([cost(t) for t in trials], float), np.array([t.accuracy for t in trials])
    if len(trials) < MIN_TRIALS or costs.min() == costs.max():
        return None
    ends = np.array([min(winner, costs.max()), costs.max()])
    grid = np.concatenate([np.geomspace(max(costs.min(), 1), costs.max(), GRID), ends])
    rng = np.random.default_rng([seed, 29])
    drawn = []
    for _ in range(DRAWS):
        rows = rng.integers(0, len(trials), len(trials))
        drawn.append(_isotonic(costs[rows], shares[rows], grid))
    whole, band = _isotonic(costs, shares, grid), np.percentile(drawn, BAND, axis=0)
    gain, rises = float(whole[-1] - whole[-2]), np.percentile([d[-1] - d[-2] for d in drawn], BAND)
    larger = costs >= winner
    explained = _explained(costs[larger], shares[larger])
    shuffled = [_explained(costs[larger], rng.permutation(shares[larger])) for _ in range(DRAWS)]
    return Fitted(
        costs=grid[:-2],
        accuracy=whole[:-2],
        low=band[0, :-2],
        high=band[1, :-2],
        gain=gain,
        gain_low=float(rises[0]),
        gain_high=float(rises[1]),
        chance=(sum(s >= explained - 1e-12 for s in shuffled) + 1) / (DRAWS + 1),
    )


def _isotonic(costs: np.ndarray, shares: np.ndarray, grid: np.ndarray) -> np.ndarray:
    from sklearn.isotonic import IsotonicRegression

    return np.asarray(
        IsotonicRegression(out_of_bounds="clip").fit(np.log(np.maximum(costs, 1)), shares).predict(np.log(grid))
    )


def _explained(costs: np.ndarray, shares: np.ndarray) -> float:
    """Variance of an isotonic fit over its candidates."""
    return float(_isotonic(costs, shares, np.maximum(costs, 1)).var()) if len(costs) else 0.0


def smaller_budgets(budget: ResolvedBudget) -> list[ResolvedBudget]:
    """The next smaller budgets.

    Args:
        budget: Of the search.

    Returns:
        The bundled budget for the chip of the next less RAM, where there is one, and the budget itself with half of each limit,
        which has the limit's name and no record.
    """
    chip = budget.record.chip if budget.record else None
    out = []
    if chip is not None:
        others = [Budget.load(name) for name in bundled.names("budgets")]
        below = [b for b in others if b.chip is not None and b.chip.ram < chip.ram]
        if below:
            out.append(resolve(max(below, key=lambda b: b.chip.ram if b.chip else 0)))
    for name, limit in budget.limits.items():
        out.append(replace(budget, name=name, limits={**budget.limits, name: limit / 2}, record=None))
    return out


def best_within_less(
    problem: Problem, trials: Sequence[Trial], rescored: Sequence[Trial], winner: Trial
) -> list[Smaller]:
    """Find the best candidate of a search within smaller budgets.

    Args:
        problem: Of the search.
        trials: All candidates.
        rescored: The finalists with their second scores.
        winner: The winner among the candidates.

    Returns:
        A candidate for each of `smaller_budgets`: the finalist of the highest second score where one fits, else the most
        promising of all candidates.
    """
    second, first = {t.number: t for t in rescored}, {t.number: t for t in trials}
    ranked = sorted(rescored, key=lambda t: -t.score)
    ranked += [t for t in promising(problem.space.choices(), list(trials)) if t.number not in second]
    out = []
    for budget in smaller_budgets(problem.budget):
        fits = _fits(problem, budget)
        found = next((t for t in ranked if fits(t.point)), None)
        if found is None:
            out.append(Smaller(budget=budget.name, half=budget.record is None, trial=None))
            continue
        both = found.number in second and winner.number in second
        pair = (second if both else first)[found.number], (second if both else first)[winner.number]
        error: float | None = math.hypot(*(t.standard_error for t in pair))
        if pair[0].locations and pair[1].locations:
            error = location_scores.accuracy_error(pair[0].locations, pair[1].locations)
        out.append(
            Smaller(
                budget=budget.name,
                half=budget.record is None,
                trial=pair[0],
                difference=pair[0].accuracy - pair[1].accuracy,
                error=math.nan if error is None else error,
                second=both,
            )
        )
    return out


def _fits(problem: Problem, budget: ResolvedBudget) -> Callable[[Point], bool]:
    return lambda point: budget.feasible(budget.count(problem.architecture(point)))
