"""Figures of repeated runs: a dot for each run, and a line at the mean."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from hwasc.report.canvas import halo, render, sheet, ticks
from hwasc.report.formats import percent, short
from hwasc.report.theme import ACCENT, BLUE

NAME = 26  # characters of a student's name; tables have the whole name


def dots(groups: Mapping[str, Sequence[float]]) -> str:
    """Plot accuracies (0..1) of the runs of each student, with the mean of each.

    Args:
        groups: The accuracies by student.

    Returns:
        The SVG element.
    """
    height = 0.34 * max(len(groups), 1) + 0.5
    with sheet(height) as figure:
        axes = figure.add_axes((0.175, 0.3 / height, 0.78, 1 - 0.4 / height))
        for y, values in enumerate(groups.values()):
            mean = statistics.mean(values)
            axes.plot(values, [y] * len(values), "o", color=BLUE, markersize=5, alpha=0.7)
            axes.plot([mean, mean], [y - 0.3, y + 0.3], color=ACCENT, linewidth=1.6)
            axes.annotate(
                percent(mean), (mean, y - 0.32), (0, 1), textcoords="offset points", ha="center", va="bottom",
                fontsize=7.5, path_effects=halo(),
            )  # fmt: skip
        axes.set_yticks(range(len(groups)), [short(g, NAME) for g in groups])
        axes.set_ylim(len(groups) - 0.4, -0.75)
        axes.margins(x=0.08)
        ticks(axes.xaxis, percent)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        return render(figure)
