"""Plots of a search, of a training run, and of accuracy in noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, MultipleLocator

from hwasc.nas.trial import Trial, best
from hwasc.report.canvas import halo, name_points, notes, render, sheet, ticks
from hwasc.report.formats import count, kib, millions, percent, short
from hwasc.report.theme import ACCENT, BLUE, GREEN, INK, NEUTRAL, ORANGE, PINK, SKY

SERIES = (BLUE, ORANGE, GREEN, PINK, SKY, INK)
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))


def search_curve(trials: Sequence[Trial], rescored: Sequence[Trial] = (), *, winner: Trial | None = None) -> str:
    """Plot scores by trial: each with its standard error, the best so far, the second scores, the winner.

    Args:
        trials: All trials.
        rescored: Trials that were scored a second time, with those scores.
        winner: The trial that is marked as the best; None: that of the highest score.

    Returns:
        The SVG element.
    """
    trials = sorted(trials, key=lambda t: t.number)
    with sheet(3.4) as figure:
        axes = figure.add_axes((0.06, 0.15, 0.92, 0.8))
        if trials:
            x, y = [t.number for t in trials], [t.score for t in trials]
            axes.errorbar(x, y, [t.score_error for t in trials], fmt="none", ecolor=NEUTRAL, elinewidth=0.8, alpha=0.7)
            size = 4.5 if len(x) <= 100 else 3
            (points,) = axes.plot(x, y, "o", color=BLUE, markersize=size, label="trial, ± standard error")
            name_points(points, x)
            so_far = [max(y[: i + 1]) for i in range(len(y))]
            axes.plot(
                [*x, x[-1] + 0.5],
                [*so_far, so_far[-1]],
                drawstyle="steps-post",
                color=INK,
                linewidth=1.4,
                label="best so far",
            )
            _second(axes, rescored, lambda t: t.number)
            top = winner or best(rescored or trials)
            (star,) = axes.plot(
                [top.number],
                [top.score],
                "*",
                color=ACCENT,
                markersize=12,
                label=f"best: trial {top.number}, {percent(top.accuracy)}",
            )
            name_points(star, [top.number])
            axes.set_xlim(x[0] - 0.7, x[-1] + 0.7)
            axes.legend(loc="lower right", ncols=4)
            low = min(t.score - t.score_error for t in [*trials, *rescored])
            high = max(t.score + t.score_error for t in [*trials, *rescored])
            room = max(high - low, 0.02)
            axes.set_ylim(low - 0.22 * room, high + 0.05 * room)  # room for the legend below the points
        axes.xaxis.set_major_locator(MaxNLocator(12, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
        axes.set_xlabel("trial")
        _scale(axes, trials)
        axes.grid(axis="y")
        return render(figure)


def _scale(axes: Axes, trials: Sequence[Trial]) -> None:
    """Label the axis of scores."""
    axes.set_ylabel("score, validation")
    ticks(axes.yaxis, lambda v: f"{v:.2f}")


def _second(axes: Axes, rescored: Sequence[Trial], x: Callable[[Trial], float]) -> None:
    if rescored:
        (points,) = axes.plot(
            [x(t) for t in rescored],
            [t.score for t in rescored],
            "D",
            color=ORANGE,
            markersize=4.5,
            label="second score, longer training",
        )
        name_points(points, [t.number for t in rescored])


def pareto_plot(
    trials: Sequence[Trial],
    front: Sequence[Trial],
    limits: Mapping[str, float],
    rescored: Sequence[Trial] = (),
    *,
    winner: Trial | None = None,
    memory_limit: str = "int8_memory.activations",
) -> str:
    """Plot score against MACs and against memory: all trials, the Pareto front, second scores, the best, the limits.

    The front is that of all three quantities; in each panel the line connects its trials that no other trial dominates in the
    two quantities shown.

    Args:
        trials: All trials.
        front: The Pareto front.
        limits: The most of each cost, by its dotted name; those of MACs and of memory are drawn.
        rescored: Trials that were scored a second time, with those scores.
        winner: The trial that is marked as the best; None: that of the highest score.
        memory_limit: Name of the limit of memory.

    Returns:
        The SVG element.
    """
    with sheet(4.3) as figure:
        figure.subplots_adjust(left=0.06, right=0.985, top=0.92, bottom=0.155, wspace=0.07)
        left, right = figure.subplots(1, 2, sharey=True)
        macs = next((v for k, v in limits.items() if k.startswith("macs")), None)
        shown: dict[str, Any] = {"trials": trials, "front": front, "rescored": rescored, "winner": winner}
        _panel(left, **shown, cost=lambda t: t.macs, limit=macs, text=millions, title="MACs")
        _panel(
            right,
            **shown,
            cost=lambda t: t.memory,
            limit=limits.get(memory_limit),
            text=kib,
            title="memory (peak RAM)",
        )
        _scale(left, trials)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=5)
        return render(figure)


def _panel(
    axes: Axes,
    *,
    trials: Sequence[Trial],
    front: Sequence[Trial],
    rescored: Sequence[Trial],
    winner: Trial | None,
    cost: Callable[[Trial], int],
    limit: float | None,
    text: Callable[[float], str],
    title: str,
) -> None:
    axes.set(xscale="log", title=title)
    if not trials:
        return
    (points,) = axes.plot(
        [cost(t) for t in trials],
        [t.score for t in trials],
        "o",
        color=NEUTRAL,
        alpha=0.65,
        markersize=4,
        label="trials",
    )
    name_points(points, [t.number for t in trials])
    (points,) = axes.plot(
        [cost(t) for t in front],
        [t.score for t in front],
        "o",
        color=BLUE,
        markersize=6,
        label="on the Pareto front",
    )
    name_points(points, [t.number for t in front])
    line: list[Trial] = []
    for t in sorted(front, key=lambda t: (cost(t), -t.score)):
        if not line or t.score > line[-1].score:
            line.append(t)
    axes.plot(
        [cost(t) for t in line],
        [t.score for t in line],
        color=BLUE,
        linewidth=1.2,
        drawstyle="steps-post",
        label="best for the cost",
    )
    _second(axes, rescored, cost)
    top = winner or best(rescored or trials)
    (star,) = axes.plot([cost(top)], [top.score], "*", color=ACCENT, markersize=13, label="best")
    name_points(star, [top.number])
    low, high = float(min(map(cost, trials))), float(max(map(cost, trials)))
    if limit is not None and limit <= 6 * high:
        high, low = max(high, limit), min(low, limit)
        axes.axvline(limit, color=INK, linestyle=(0, (4, 2)), linewidth=1)
        inner = math.log(limit / low) > 0.5 * math.log(high / low)
        axes.text(
            limit, 1.015, f"limit {text(limit)}", ha="right" if inner else "left", transform=axes.get_xaxis_transform()
        )
    elif limit is not None:
        axes.text(1, 1.015, f"limit {text(limit)} →", ha="right", transform=axes.transAxes)
    low, high = max(low, 1), max(high, 1)
    room = max((high / low) ** 0.06, 1.08)
    axes.set_xlim(low / room, high * room)
    spread = math.log(high * room / low * room)
    if text is kib:  # powers of two
        axes.xaxis.set_major_locator(LogLocator(2, (1.0, 1.5) if spread < 1.5 else (1.0,), numticks=14))
        ticks(axes.xaxis, lambda v: f"{v / 1024:,.3g} KiB")
    else:
        subs = (1.0, 2.0, 5.0) if spread > 2 else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
        axes.xaxis.set_major_locator(LogLocator(10, subs, numticks=14))
        ticks(axes.xaxis, millions)
    axes.minorticks_off()
    axes.grid()


def training_curve(
    losses: Mapping[str, Sequence[float]], validation: Mapping[str, Sequence[tuple[int, float]]] | None = None
) -> str:
    """Plot losses by epoch, one line for each series, the last value at its end; beside them accuracies on validation clips.

    Args:
        losses: Of every epoch, by name.
        validation: (epoch, accuracy 0..1) at some epochs, by the same names; None: no second panel.

    Returns:
        The SVG element.
    """
    with sheet(3.2) as figure:
        left = figure.add_axes((0.06, 0.16, 0.33 if validation else 0.84, 0.76))
        longest = max([1, *map(len, losses.values())])
        by_epoch = {name: list(enumerate(values, 1)) for name, values in losses.items()}
        _by_epoch(left, by_epoch, longest=longest, label="training loss", text=lambda v: f"{v:.3f}")
        if validation:
            right = figure.add_axes((0.57, 0.16, 0.33, 0.76))
            shown = {name: validation.get(name, []) for name in losses}  # in the same colours
            _by_epoch(right, shown, longest=longest, label="macro accuracy, validation", text=percent)
            ticks(right.yaxis, lambda v: f"{100 * v:.3g} %")
        return render(figure)


def _by_epoch(
    axes: Axes,
    series: Mapping[str, Sequence[tuple[int, float]]],
    *,
    longest: int,
    label: str,
    text: Callable[[float], str],
) -> None:
    """Lines of values by epoch, each with its name and its last value at the end."""
    for i, (name, values) in enumerate(series.items()):
        if not values:
            continue
        ink, dash = SERIES[i % len(SERIES)], DASHES[i // len(SERIES) % len(DASHES)]
        x, y = zip(*values, strict=True)
        sparse = len(values) < 3 or len(values) < x[-1]  # not every epoch has a point
        axes.plot(x, y, color=ink, linestyle=dash, linewidth=1.6, marker="o" if sparse else None, markersize=4)
        axes.annotate(
            f"{short(name, 18)}  {text(y[-1])}",
            (x[-1], y[-1]),
            (6, 0),
            textcoords="offset points",
            va="center",
            color=ink,
            annotation_clip=False,
            path_effects=halo(),
        )
    room = 0.5 if longest < 10 else 0
    axes.set(xlabel="epoch", ylabel=label, xlim=(1 - room, longest + room))
    axes.xaxis.set_major_locator(MultipleLocator(1) if longest <= 12 else MaxNLocator(integer=True))
    ticks(axes.xaxis, count)
    axes.grid(axis="y")


def noise_curve(series: Mapping[str, Mapping[float, float]], clean: Mapping[str, float]) -> str:
    """Plot accuracy against signal-to-noise ratio, which falls to the right, one line for each series.

    Each picture goes from 0 to 100 %, so that they compare.

    Args:
        series: Macro accuracy (0..1) by ratio (dB), by name.
        clean: Accuracy without noise by the same names; the first point of each line.

    Returns:
        The SVG element.
    """
    with sheet(3.4) as figure:
        axes = figure.add_axes((0.06, 0.16, 0.76, 0.78))
        levels = sorted({snr for values in series.values() for snr in values}, reverse=True)
        place = {snr: i + 1 for i, snr in enumerate(levels)}
        ends = []
        for i, (name, values) in enumerate(series.items()):
            ink, dash = SERIES[i % len(SERIES)], DASHES[i // len(SERIES) % len(DASHES)]
            shown = [(place[snr], v) for snr, v in sorted(values.items(), reverse=True)]
            if name in clean:
                shown.insert(0, (0, clean[name]))
            if not shown:
                continue
            x, y = zip(*shown, strict=True)
            axes.plot(x, y, color=ink, linestyle=dash, linewidth=1.6, marker="o", markersize=4)
            ends.append((y[-1], f"{short(name, 22)}  {percent(y[-1])}", ink))
        axes.set(xlabel="signal-to-noise ratio", ylabel="macro accuracy", xlim=(-0.3, len(levels) + 0.3), ylim=(0, 1))
        axes.set_xticks(range(len(levels) + 1), ["as recorded", *(f"{snr:g} dB" for snr in levels)])
        notes(axes, ends, 0.06)
        ticks(axes.yaxis, lambda v: f"{100 * v:.3g} %")
        axes.grid(axis="y")
        return render(figure)
