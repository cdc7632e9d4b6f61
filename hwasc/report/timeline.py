"""The planned arena as a picture, and the layers that fill it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hwasc import cost
from hwasc.cost import graph as deployment
from hwasc.cost import memory
from hwasc.records.architecture import Architecture
from hwasc.report.canvas import WIDTH, notes, render, sheet, ticks
from hwasc.report.formats import kib, millions, shape, size
from hwasc.report.theme import ACCENT, BLOCKS, BLUE, CARD, GREEN, GRID, INK, MUTED, NEUTRAL, ORANGE, on

SPAN = 0.79  # of the figure's width, for the steps
LEGIBLE = 100  # operators that are labelled one by one; if there are more, each run of one layer has one label


def part(layer: str) -> str:
    """The part of the net that a layer belongs to: `stem`, `block 3`, `head`."""
    first, _, rest = layer.partition(".")
    return f"block {rest.partition('.')[0]}" if first == "blocks" else "head" if first == "pool" else first


def colour(layer: str) -> str:
    """The colour of that part: blocks in turn, stem and head neutral."""
    name = part(layer)
    return BLOCKS[int(name.split()[1]) % len(BLOCKS)] if name.startswith("block ") else NEUTRAL


def memory_timeline(architecture: Architecture, limit: int | None = None, plan: memory.Plan | None = None) -> str:
    """Plot a memory plan: each buffer over the steps in which it is alive (x) and its bytes in the arena (y).

    The step line is the sum of the buffers that are alive; horizontal lines are the plan's head, the lower bound of any plan,
    and the limit.

    Args:
        architecture: The net.
        limit: Of activation memory, bytes; None: no line.
        plan: The plan; None: the greedy one.

    Returns:
        The SVG element.
    """
    net = deployment.build(architecture)
    plan = plan or memory.plan_greedy(net)
    steps = len(net.operators)
    layer = {op.output: op.layer for op in net.operators}
    shown = limit if limit is not None and limit <= 1.8 * plan.head else None
    top = 1.02 * max(plan.head, shown or 0)
    names = ["input", *_names(net)]
    pitch = WIDTH * 72 * SPAN / len(names)  # points between operators
    font = max(5.5, min(8.0, 0.85 * pitch))
    below = 0.62 * font * max(map(len, names)) + 8  # points, for the names of the operators
    with sheet(4.5 + below / 72) as figure:
        axes = _axes(figure, below)
        alive = memory.live(list(plan.buffers))
        for b in plan.buffers:
            start, width, offset = b.first - 0.5, b.last - b.first + 1, plan.offsets[b.tensor]
            ink = colour(layer[b.tensor]) if b.tensor in layer else MUTED
            axes.add_patch(Rectangle((start, offset), width, b.size, facecolor=ink, edgecolor=CARD, linewidth=0.7))
            fits = width / (steps + 1) > 0.045 and b.size / top > 0.035
            y = _clear(alive, start + width / 2, (offset, offset + b.size), top) if fits else None
            if y is not None:
                axes.text(
                    start + width / 2,
                    y,
                    kib(b.size),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color=on(ink),
                )
        axes.stairs(alive, [s - 0.5 for s in range(len(alive) + 1)], baseline=None, color=CARD, linewidth=3.2)
        axes.stairs(alive, [s - 0.5 for s in range(len(alive) + 1)], baseline=None, color=INK, linewidth=1.5)
        peak = alive.index(max(alive))
        lines: list[tuple[float, str, str]] = []
        for y, text, ink, dash in _levels(plan, shown):
            axes.axhline(y, color=ink, linewidth=1.1, linestyle=dash)
            lines.append((y, f"{text}\n{size(y)}", ink))
        notes(axes, [*lines, (alive[-1], "alive (sum)", MUTED)], 0.085 * top)
        if limit is not None and shown is None:
            text = f"limit, above the picture\n{size(limit)}"
            axes.text(1.012, -0.045, text, transform=axes.transAxes, color=GREEN, va="top")
        axes.plot([peak], [alive[peak]], marker="o", color=INK, markersize=4, clip_on=False)
        axes.set(xlim=(-0.5, steps + 0.5), ylim=(0, top))
        axes.set_ylabel("activation arena")
        step = next(s for s in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096) if top / 1024 / s <= 8)
        axes.set_yticks(range(0, int(top) + 1, step * 1024))
        ticks(axes.yaxis, lambda v: f"{v / 1024:,.0f} KiB")
        axes.grid(axis="y")
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=font)
        axes.tick_params(axis="x", length=2, pad=2)
        _strip(axes, [op.layer for op in net.operators])
        return render(figure)


def _clear(alive: Sequence[int], x: float, box: tuple[float, float], top: float) -> float | None:
    """A height in a box, as near to its middle as can be, where a label at x is not crossed by the line of what is alive."""
    half, tall = 0.022 * len(alive), 0.024 * top
    first, last = max(0, int(x - half + 0.5)), min(len(alive) - 1, int(x + half + 0.5))
    low, high = min(alive[first : last + 1]), max(alive[first : last + 1])
    middle = (box[0] + box[1]) / 2
    places = [middle, low - tall, high + tall]
    inside = [y for y in places if box[0] + tall <= y <= box[1] - tall or y == middle]
    clear = [y for y in inside if y + tall <= low or y - tall >= high]
    return min(clear, key=lambda y: abs(y - middle), default=None)


def _names(net: deployment.Graph) -> list[str]:
    layers = [op.layer for op in net.operators]
    short = [name.split(".", 2)[-1] if name.startswith("blocks.") else name for name in layers]
    several = {name for name in layers if layers.count(name) > 1}
    if len(layers) > LEGIBLE:  # the label is at the middle of the run
        out = [""] * len(layers)
        for _, run in groupby(range(len(layers)), lambda i: layers[i]):
            members = list(run)
            out[members[len(members) // 2]] = short[members[0]]
        return out
    return [f"{s} {op.kind}" if op.layer in several else s for s, op in zip(short, net.operators, strict=True)]


def _axes(figure: Figure, below: float) -> Axes:
    """The axes with `below` points under them and room for the strip above and the notes on the right."""
    height = 72 * figure.get_figheight()
    return figure.add_axes((0.062, below / height, SPAN, 1 - (below + 24) / height))


def _levels(plan: memory.Plan, limit: int | None) -> list[tuple[int, str, str, Any]]:
    """The horizontal lines: bytes, name, colour, dashes."""
    if plan.head == plan.lower_bound:
        levels: list[tuple[int, str, str, Any]] = [(plan.head, f"{plan.planner} plan = lower bound", ACCENT, "-")]
    else:
        levels = [(plan.head, f"{plan.planner} plan", ACCENT, "-"), (plan.lower_bound, "lower bound", INK, (0, (5, 2)))]
    if limit:
        levels.append((limit, "limit", GREEN if plan.head <= limit else ACCENT, (0, (1.5, 1.5))))
    return levels


def _strip(axes: Axes, layers: Sequence[str]) -> None:
    """The parts of the net in their colours, above the axes."""
    at = 1
    for name, run in groupby(layers, part):
        members = list(run)
        axes.add_patch(
            Rectangle(
                (at - 0.5, 1.02),
                len(members),
                0.028,
                transform=axes.get_xaxis_transform(),
                clip_on=False,
                facecolor=colour(members[0]),
                edgecolor=CARD,
                linewidth=0.7,
            )
        )
        room = len(members) / (len(layers) + 1) * WIDTH * 72 * SPAN / 4.5 + 1.5  # characters that fit
        text = name if len(name) <= room else name.replace("block ", "") if name.startswith("block ") else name[:1]
        axes.text(
            at - 0.5 + len(members) / 2,
            1.06,
            text,
            transform=axes.get_xaxis_transform(),
            ha="center",
            fontsize=8,
            color=MUTED,
        )
        at += len(members)


def merged(layers: Sequence[cost.Layer]) -> list[cost.Layer]:
    """Runs of operators of one layer (a GRN's) as one row: MACs and weights summed, memory at its highest."""
    rows = []
    for _, run in groupby(layers, lambda row: row.name):
        members = list(run)
        rows.append(
            members[0]
            if len(members) == 1
            else replace(
                members[-1],
                kind=f"{len(members)} operators",
                parameters=sum(m.parameters for m in members),
                macs=sum(m.macs for m in members),
                weights=sum(m.weights for m in members),
                live_memory=max(m.live_memory for m in members),
            )
        )
    return rows


def layer_chart(layers: Sequence[cost.Layer]) -> str:
    """Plot MACs, weight bytes and live memory of each layer as bars side by side; layers at the memory peak are red."""
    rows = merged(layers)
    peak = max((r.live_memory for r in rows), default=0)
    height = 0.2 * len(rows) + 0.75
    panels = [
        ("MACs", [r.macs for r in rows], millions, BLUE),
        ("weights in flash", [r.weights for r in rows], kib, ORANGE),
        ("alive in RAM while it runs", [r.live_memory for r in rows], kib, GREEN),
    ]
    with sheet(height) as figure:
        figure.subplots_adjust(left=0.175, right=0.985, top=1 - 0.35 / height, bottom=0.1 / height, wspace=0.06)
        grid = figure.subplots(1, 3, sharey=True)
        for axes, (title, values, text, ink) in zip(grid, panels, strict=True):
            colours = [ACCENT if r.live_memory == peak else ink for r in rows]
            axes.barh(range(len(rows)), values, height=0.68, color=colours)
            top = max(values, default=0) or 1
            for y, v in enumerate(values):
                axes.text(
                    v + 0.012 * top, y, text(v) if v else "0", va="center", fontsize=7.5, color=INK if v else MUTED
                )
            axes.set(xlim=(0, 1.24 * top), title=title, ylim=(len(rows) - 0.4, -0.6))
            axes.tick_params(length=0, labelbottom=False)
            axes.spines["bottom"].set_visible(False)
            at = 0
            for i, (_, run) in enumerate(groupby(rows, lambda r: part(r.name))):
                n = len(list(run))
                if i % 2:
                    axes.axhspan(at - 0.5, at + n - 0.5, color=GRID, alpha=0.45, linewidth=0, zorder=0)
                at += n
        grid[0].set_yticks(range(len(rows)), [f"{r.name}  ·  {shape(r.shape)}" for r in rows])
        for label, row in zip(grid[0].get_yticklabels(), rows, strict=True):
            if row.live_memory == peak:
                label.set(color=ACCENT, fontweight="bold")
        return render(figure)
