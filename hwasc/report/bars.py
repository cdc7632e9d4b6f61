"""Bars of accuracies, and the confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from hwasc.records.teacher_settings import FUSED, LEARNED, PAPER
from hwasc.report.canvas import WIDTH, render, sheet
from hwasc.report.formats import decimal, percent, short
from hwasc.report.theme import BLOCKS, BLUE, GREEN, GRID, INK, MUTED, NEUTRAL, ORANGE, PINK, SKY, on

if TYPE_CHECKING:
    from hwasc.ensemble.fusion import FusionRow

SERIES = (NEUTRAL, BLUE, ORANGE, GREEN, PINK, SKY)
NAME = 26  # characters of a class or device name in a picture; tables have the whole name


def grouped_bars(groups: Mapping[str, Mapping[str, float]]) -> str:
    """Plot accuracies (0..1) by group, e.g. device, with one bar for each series, e.g. float and int8."""
    series = list(dict.fromkeys(name for values in groups.values() for name in values))
    thick = 0.78 / max(len(series), 1)
    height = (0.17 * len(series) + 0.11) * max(len(groups), 1) + 0.45
    with sheet(height) as figure:
        axes = figure.add_axes((0.175, 0.05 / height, 0.78, 1 - 0.4 / height))
        for i, name in enumerate(series):
            rows = [
                (y + (i - (len(series) - 1) / 2) * thick, g[name])
                for y, g in enumerate(groups.values())
                if _finite(g.get(name))
            ]
            axes.barh(
                [y for y, _ in rows],
                [v for _, v in rows],
                thick * 0.92,
                color=SERIES[i % len(SERIES)],
                label=short(name, NAME),
            )
            for y, v in rows:
                axes.text(v + 0.005, y, percent(v), va="center", fontsize=7.5)
        axes.set_yticks(range(len(groups)), [short(g, NAME) for g in groups])
        axes.set(xlim=(0, 1.06), ylim=(max(len(groups), 1) - 0.5, -0.5))
        axes.tick_params(length=0, labelbottom=False)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        axes.grid(axis="x")
        axes.spines["bottom"].set_visible(False)
        if len(series) > 1:
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(series), borderaxespad=0.2)
        return render(figure)


def fusion_bars(rows: Sequence[FusionRow]) -> str:
    """Plot macro accuracy and log loss of teachers and fusions, with figures."""
    fused = {name: ORANGE for name in FUSED} | {name: BLUE for name in LEARNED} | {name: SKY for name in PAPER}
    height = 0.26 * max(len(rows), 1) + 0.55
    with sheet(height) as figure:
        figure.subplots_adjust(left=0.175, right=0.985, top=1 - 0.4 / height, bottom=0.1 / height, wspace=0.06)
        grid = figure.subplots(1, 2, sharey=True)
        panels = [
            ("macro accuracy (higher is better)", [r.accuracy for r in rows], percent),
            ("log loss, nats (lower is better)", [r.log_loss for r in rows], decimal),
        ]
        for axes, (title, values, text) in zip(grid, panels, strict=True):
            lengths = [v if _finite(v) else 0.0 for v in values]
            axes.barh(range(len(rows)), lengths, 0.7, color=[fused.get(r.name, NEUTRAL) for r in rows])
            top = max(lengths, default=0) or 1
            for y, (v, length) in enumerate(zip(values, lengths, strict=True)):
                axes.text(length + 0.01 * top, y, text(v), va="center", fontsize=8)
            axes.set(title=title, xlim=(0, 1.13 * top), ylim=(max(len(rows), 1) - 0.5, -0.5))
            axes.tick_params(length=0, labelbottom=False)
            axes.spines["bottom"].set_visible(False)
        grid[0].set_yticks(range(len(rows)), [short(r.name, NAME) for r in rows])
        return render(figure)


def share_bars(groups: Mapping[str, Mapping[str, float]]) -> str:
    """Plot shares that sum to 1 by group, e.g. teachers' weights by scene: one bar for each group, one part for each name."""
    names = list(dict.fromkeys(name for shares in groups.values() for name in shares))
    height = 0.26 * max(len(groups), 1) + 0.5
    with sheet(height) as figure:
        axes = figure.add_axes((0.175, 0.05 / height, 0.78, 1 - 0.45 / height))
        left = [0.0] * len(groups)
        for i, name in enumerate(names):
            shares, colour = [g.get(name, 0.0) for g in groups.values()], BLOCKS[i % len(BLOCKS)]
            axes.barh(range(len(groups)), shares, 0.74, left=left, color=colour, label=short(name, NAME))
            for y, (start, share) in enumerate(zip(left, shares, strict=True)):
                if share > 0.05:
                    axes.text(
                        start + share / 2,
                        y,
                        f"{100 * share:.0f}",
                        ha="center",
                        va="center",
                        fontsize=8,
                        color=on(colour),
                    )
            left = [a + b for a, b in zip(left, shares, strict=True)]
        axes.set_yticks(range(len(groups)), [short(g, NAME) for g in groups])
        axes.set(xlim=(0, 1), ylim=(max(len(groups), 1) - 0.5, -0.5))
        axes.tick_params(length=0, labelbottom=False)
        axes.spines[:].set_visible(False)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=max(len(names), 1), borderaxespad=0.2)
        return render(figure)


def confusion(matrix: Sequence[Sequence[float]], classes: Sequence[str]) -> str:
    """Plot a confusion matrix, each row in per cent of its clips.

    Args:
        matrix: Clips by true class (row) and predicted class (column).
        classes: Names of the classes.

    Returns:
        The SVG element.
    """
    n = len(classes)
    cell = min(0.42, 7.4 / max(n, 1))
    side, left, top = cell * n, 2.0, 0.3 + 0.062 * max((min(len(c), NAME - 4) for c in classes), default=1)
    small = max(4.5, min(8.0, 72 * cell * 0.62))
    with sheet(side + top + 0.1, min(WIDTH, max(side + left + 2.2, 6.0))) as figure:
        width, height = figure.get_size_inches()
        axes = figure.add_axes((left / width, 0.08 / height, side / width, side / height))
        cells, colours = [], []
        for y, row in enumerate(matrix):
            for x, value in enumerate(row):
                if not value:
                    continue
                share = value / sum(row)
                cells.append(Rectangle((x, y), 1, 1))
                colours.append(to_rgba(BLUE, round(0.06 + 0.94 * share, 3)))  # faint on light and dark paper alike
                if n <= 20:
                    ink = on(BLUE) if share > 0.85 else INK
                    axes.text(x + 0.5, y + 0.5, f"{100 * share:.0f}", ha="center", va="center", fontsize=8, color=ink)
        axes.add_collection(PatchCollection(cells, facecolors=colours, linewidths=0))
        axes.add_patch(Rectangle((0, 0), n, n, fill=False, edgecolor=GRID, linewidth=1))
        axes.plot([0, n], [0, n], color=GRID, linewidth=0.6, zorder=0)
        axes.set(xlim=(0, n), ylim=(n, 0))
        names = [short(c, NAME - 4) for c in classes]
        axes.set_yticks([i + 0.5 for i in range(n)], names, fontsize=small)
        axes.set_xticks(
            [i + 0.5 for i in range(n)],
            names,
            fontsize=small,
            rotation=55 if n <= 20 else 90,
            ha="left" if n <= 20 else "center",
            rotation_mode="anchor" if n <= 20 else "default",
        )
        axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False, pad=3)
        axes.spines[:].set_visible(False)
        axes.set_ylabel("truth", color=MUTED)
        return render(figure)


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
