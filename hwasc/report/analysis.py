"""What the trials of a search say together: which choices matter, and how well scores are predicted from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.ticker import MaxNLocator
from scipy import stats

from hwasc.nas import importance, predictor
from hwasc.nas.trial import Trial
from hwasc.report.canvas import name_points, render, sheet, ticks
from hwasc.report.formats import decimal, percent, plural, short
from hwasc.report.page import Paragraph, Part, Picture, Section
from hwasc.report.theme import BLUE, MUTED

SMALL = 0.01  # choices below this share are named together


def what_matters(choices: predictor.Choices, trials: Sequence[Trial], proxy: str) -> Section:
    """The importance of each choice for the first scores.

    Args:
        choices: Of the space.
        trials: All trials.
        proxy: What their scores are of, in words.

    Returns:
        The section; with too few trials it says so.
    """
    shares = importance.importances(choices, trials)
    if not shares:
        text = (
            f"{plural(len(trials), 'trial')} with different scores are too few to say which choices matter "
            f"(at least {importance.MIN_TRIALS})."
        )
        return Section("What matters", [Paragraph(text)])
    text = (
        f"The share that each choice by itself has in the variance of {plural(len(trials), 'score')} {proxy}, by functional "
        "ANOVA of a random forest: what a choice does on average over the space, also through the costs that come with it. The "
        f"rest, {percent(1 - sum(shares.values()), 0)}, is in combinations of choices and in noise that the forest follows. "
        "The search tried good candidates more often than others, and shares of a few per cent change with every further trial."
    )
    small = [name for name, share in shares.items() if share < SMALL]
    parts: list[Part] = [
        Paragraph(text),
        Picture(
            importance_bars({n: s for n, s in shares.items() if s >= SMALL}),
            f"Estimated from {plural(len(trials), 'trial')}. Shares of the variance of first scores.",
        ),
    ]
    if small:
        parts.append(Paragraph(f"Below {percent(SMALL, 0)} each: {', '.join(small)}."))
    return Section("What matters", parts)


def predictions(choices: predictor.Choices, trials: Sequence[Trial]) -> list[Section]:
    """Scores as they are predicted from all other trials, against those measured.

    Args:
        choices: Of the space.
        trials: All trials.

    Returns:
        One section; none where the search had too few trials for predictions.
    """
    predicted = predictor.predicted(choices, trials)
    if not predicted:
        return []
    measured = [t.score for t in trials]
    tau = float(stats.kendalltau(predicted, measured).statistic)
    text = (
        "The search smooths each score with a prediction from the choices and costs of all other trials (ridge regression), so "
        "that one lucky score counts less. A trial's own score has no part in its prediction. "
        + (
            f"Predictions and scores rank pairs of trials alike with a Kendall's tau of {decimal(tau, 2)}."
            if math.isfinite(tau)
            else "All scores or all predictions are equal."
        )
    )
    picture = Picture(
        prediction_plot(trials, predicted), f"{plural(len(trials), 'trial')}, first scores. On the line both are equal."
    )
    return [Section("Predicted and measured scores", [Paragraph(text), picture])]


def importance_bars(shares: Mapping[str, float]) -> str:
    """Plot shares, 0..1, as bars from zero, the highest on top."""
    height = 0.24 * len(shares) + 0.25
    with sheet(height) as figure:
        axes = figure.add_axes((0.175, 0.05 / height, 0.78, 1 - 0.1 / height))
        axes.barh(range(len(shares)), list(shares.values()), 0.7, color=BLUE)
        top = max(shares.values())
        for y, share in enumerate(shares.values()):
            axes.text(share + 0.008 * top, y, percent(share), va="center", fontsize=8)
        axes.set_yticks(range(len(shares)), [short(name, 26) for name in shares])
        axes.set(xlim=(0, 1.08 * top), ylim=(len(shares) - 0.5, -0.5))
        axes.tick_params(length=0, labelbottom=False)
        axes.spines["bottom"].set_visible(False)
        return render(figure)


def prediction_plot(trials: Sequence[Trial], predicted: Sequence[float]) -> str:
    """Plot predicted against measured scores, with equal scales.

    Args:
        trials: With their measured scores.
        predicted: A score for each.

    Returns:
        The SVG element.
    """
    with sheet(4.6, 5.2) as figure:
        axes = figure.add_axes((0.13, 0.12, 0.82, 0.85))
        both = [*predicted, *(t.score for t in trials)]
        room = 0.04 * max(max(both) - min(both), 0.01)
        ends = (min(both) - room, max(both) + room)
        axes.plot(ends, ends, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
        (points,) = axes.plot(predicted, [t.score for t in trials], "o", color=BLUE, alpha=0.65, markersize=4)
        name_points(points, [t.number for t in trials])
        axes.set(xlim=ends, ylim=ends, aspect="equal", xlabel="predicted score", ylabel="measured score")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
            ticks(axis, lambda v: f"{v:.3g}")
        axes.grid()
        return render(figure)
