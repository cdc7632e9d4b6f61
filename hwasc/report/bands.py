"""Search strategies side by side: means over seeds against trials, each in a band of its standard error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from hwasc.report.canvas import render, sheet, ticks
from hwasc.report.curves import DASHES
from hwasc.report.formats import count, decimal, percent
from hwasc.report.theme import BLUE, CARD, GREEN, INK, NEUTRAL, ORANGE, PINK

if TYPE_CHECKING:
    from hwasc.bench.comparison import Curve

SERIES = (BLUE, ORANGE, GREEN, PINK, NEUTRAL)


def strategy_curves(best: Mapping[str, Curve], volume: Mapping[str, Curve], ideal: float) -> str:
    """Plot the best score so far and the share of the table's hypervolume against trials, a line for each strategy.

    The background is opaque: the picture is a file by itself.

    Args:
        best: Best score so far by strategy, 0..1.
        volume: Share of the table's hypervolume by strategy, 0..1.
        ideal: The table's best score, drawn as a horizontal line.

    Returns:
        The SVG element.
    """
    with sheet(4.3) as figure:
        figure.add_artist(Rectangle((0, 0), 1, 1, transform=figure.transFigure, facecolor=CARD, zorder=-1))
        figure.subplots_adjust(left=0.06, right=0.985, top=0.92, bottom=0.2, wspace=0.14)
        left, right = figure.subplots(1, 2)
        _panel(left, best, "best score so far", decimal)
        left.axhline(ideal, color=INK, linestyle=(0, (4, 2)), linewidth=1)
        left.text(
            1, ideal, f"best of all {decimal(ideal)}", ha="right", va="bottom", transform=left.get_yaxis_transform()
        )
        _panel(right, volume, "share of the table's hypervolume so far", lambda v: percent(v, 0))
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=max(len(labels), 1))
        return render(figure)


def _panel(axes: Axes, curves: Mapping[str, Curve], title: str, text: Callable[[float], str]) -> None:
    longest, low = 1, []
    for i, (name, curve) in enumerate(curves.items()):
        ink, dash = SERIES[i % len(SERIES)], DASHES[i // len(SERIES) % len(DASHES)]
        x = range(1, len(curve.mean) + 1)
        both = list(zip(curve.mean, curve.standard_error, strict=True))
        axes.fill_between(x, [m - e for m, e in both], [m + e for m, e in both], color=ink, alpha=0.16, linewidth=0)
        axes.plot(x, curve.mean, color=ink, linestyle=dash, linewidth=1.6, label=name)
        longest = max(longest, len(curve.mean))
        low.append(curve.mean[len(curve.mean) // 20])
    axes.set(title=title, xlabel="trials", xlim=(0, longest))
    if low and (high := axes.get_ylim()[1]) > min(low):
        axes.set_ylim(min(low), high)  # the steep first twentieth of the curves would take most of the axis
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    ticks(axes.xaxis, count)
    ticks(axes.yaxis, text)
    axes.grid()
