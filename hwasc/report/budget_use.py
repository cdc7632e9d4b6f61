"""The section that says whether a search needed its budget, and what less of it would cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from hwasc.nas.budget_use import MIN_TRIALS, Fitted, best_within_less, fit_accuracy
from hwasc.nas.result import SearchResult
from hwasc.nas.trial import Trial
from hwasc.report.canvas import name_points, render, sheet, ticks
from hwasc.report.formats import ABSENT, count, kib, millions, percent, plural, points
from hwasc.report.page import Paragraph, Part, Picture, Section, Table
from hwasc.report.theme import ACCENT, BLUE, NEUTRAL
from hwasc.report.verdict import NAMES

SHOWN = 0.05  # share of shuffled accuracies below which a gain is called shown
COSTS: dict[str, tuple[Callable[[Trial], float], Callable[[float], str]]] = {
    "MACs": (lambda t: t.macs, millions),
    "memory": (lambda t: t.memory, kib),
}


def budget_use(result: SearchResult) -> Section:
    """Tell from the scores whether larger nets are better, and how much smaller budgets lose.

    Args:
        result: The finished search.

    Returns:
        The section.
    """
    enough = len(result.rescored) >= MIN_TRIALS
    scored = result.rescored if enough else result.trials
    kind = "second scores" if enough else "first scores"
    by_number = {t.number: t for t in result.trials}
    winner = by_number[result.trial.number]
    fits = {name: fit_accuracy(scored, cost(winner), cost) for name, (cost, _) in COSTS.items()}
    parts: list[Part] = [Paragraph(" ".join([_used(result), *(_gain(n, f, scored, kind) for n, f in fits.items())]))]
    if all(fits.values()):
        known = {n: f for n, f in fits.items() if f is not None}
        parts.append(
            Picture(
                accuracy_against_cost(scored, winner, known),
                f"Isotonic fit of {kind}: accuracy as a function of cost that never falls, with its 95 % band from drawing the "
                f"{plural(len(scored), 'candidate')} again. The star is the winner.",
            )
        )
    parts.append(_smaller(result, winner))
    return Section("Is the budget used?", parts)


def _used(result: SearchResult) -> str:
    limits = result.best.provenance.get("limits", {})
    shares = [
        f"{percent(1 - v['slack'] / v['limit'], 0)} of the limit of {NAMES.get(name, name)}"
        for name, v in limits.items()
        if isinstance(v, dict) and v.get("limit")
    ]
    return f"The winner uses {', '.join(shares)}." if shares else "Nothing was limited."


def _gain(name: str, fitted: Fitted | None, scored: Sequence[Trial], kind: str) -> str:
    if fitted is None:
        return f"{plural(len(scored), 'candidate')} are too few to fit accuracy against {name}."
    text = COSTS[name][1]
    rise = f"{points(fitted.gain)} points (95 % interval {points(fitted.gain_low)} to {points(fitted.gain_high)})"
    if fitted.chance <= SHOWN:
        return f"Nets of more {name} are better by {kind}: {rise} from the winner to {text(fitted.costs[-1])}."
    if fitted.gain <= 0:
        return f"By {kind}, nets of more {name} than the winner are not better."
    return (
        f"It is not shown that nets of more {name} are better: by {kind} the fit rises by {rise} up to "
        f"{text(fitted.costs[-1])}; shuffled accuracies are fitted as well in {percent(fitted.chance, 0)} of draws."
    )


def _smaller(result: SearchResult, winner: Trial) -> Table:
    rows: list[tuple[object, ...]] = []
    for s in best_within_less(result.problem, result.trials, result.rescored, winner):
        name = f"half of {NAMES.get(s.budget, s.budget)}" if s.half else f"the chip of {s.budget}"
        if s.trial is None:
            rows.append((name, "none fits", ABSENT, ABSENT, ABSENT, ABSENT))
            continue
        if s.trial.number == winner.number:
            rows.append(
                (name, s.trial.number, "the winner itself fits", ABSENT, count(winner.macs), kib(winner.memory))
            )
            continue
        error = "" if math.isnan(s.error) else f" ± {100 * s.error:.1f}"
        rows.append(
            (
                name,
                s.trial.number,
                points(s.difference) + error,
                "second" if s.second else "first",
                count(s.trial.macs),
                kib(s.trial.memory),
            )
        )
    return Table(
        ("with less", "best trial", "points from the winner", "by scores", "MACs", "memory"),
        rows,
        "What less would cost: the best candidate of this search within it, with the standard error of the difference. A search "
        "for the smaller budget itself may find a better one",
    )


def accuracy_against_cost(trials: Sequence[Trial], winner: Trial, fits: dict[str, Fitted]) -> str:
    """Plot accuracy against costs with the isotonic fit and its band.

    Args:
        trials: The candidates that were fitted.
        winner: The winner.
        fits: A fit for each name of `COSTS`.

    Returns:
        The SVG element.
    """
    with sheet(3.4) as figure:
        figure.subplots_adjust(left=0.07, right=0.985, top=0.95, bottom=0.16, wspace=0.07)
        panels = figure.subplots(1, len(fits), sharey=True, squeeze=False)[0]
        for axes, (name, fitted) in zip(panels, fits.items(), strict=True):
            cost, text = COSTS[name]
            axes.fill_between(fitted.costs, fitted.low, fitted.high, color=BLUE, alpha=0.18, linewidth=0)
            axes.plot(fitted.costs, fitted.accuracy, color=BLUE, linewidth=1.4)
            (dots,) = axes.plot(
                [cost(t) for t in trials], [t.accuracy for t in trials], "o", color=NEUTRAL, alpha=0.7, markersize=4
            )
            name_points(dots, [t.number for t in trials])
            shown = [t for t in trials if t.number == winner.number]
            axes.plot([cost(t) for t in shown], [t.accuracy for t in shown], "*", color=ACCENT, markersize=12)
            axes.set(xscale="log", xlabel=name)
            axes.minorticks_off()
            low, high = float(fitted.costs[0]), float(fitted.costs[-1])
            axes.set_xticks([low, math.sqrt(low * high), high])
            ticks(axes.xaxis, text)
            axes.grid(axis="y")
        panels[0].set_ylabel("int8 accuracy" if all(t.quantized for t in trials) else "float accuracy")
        ticks(panels[0].yaxis, lambda v: f"{v:.0%}")
        return render(figure)
