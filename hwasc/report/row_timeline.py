"""Activation memory of both runtimes side by side: operator by operator, and row by row."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from hwasc.cost import graph as deployment
from hwasc.cost import memory
from hwasc.cost.row_plan import RowPlan
from hwasc.cost.row_planner import plan_rows
from hwasc.records.architecture import Architecture
from hwasc.report.canvas import halo, render, sheet, ticks
from hwasc.report.formats import kib, size
from hwasc.report.theme import ACCENT, CARD, MUTED, on
from hwasc.report.timeline import colour

HEIGHT = 3.6  # inches


@dataclass(frozen=True)
class Box:
    """A buffer in the picture.

    Attributes:
        layer: That makes it; empty for the features.
        first: First operator while which it is in memory.
        last: Last such operator.
        offset: Of its first byte.
        size: Bytes.
    """

    layer: str
    first: int
    last: int
    offset: int
    size: int


def row_timeline(architecture: Architecture) -> str:
    """Plot the arena of TensorFlow Lite Micro and the memory of the C export over the operators, with one scale of bytes.

    Args:
        architecture: The net.

    Returns:
        The SVG element.
    """
    net = deployment.build(architecture)
    arena, rows = memory.plan_greedy(net), plan_rows(net, architecture.padding)
    layers = [op.layer for op in net.operators]
    maker = {op.output: op.layer for op in net.operators}
    whole = [
        Box(maker.get(b.tensor, ""), max(b.first - 1, 0), b.last - 1, arena.offsets[b.tensor], size=b.size)
        for b in arena.buffers
    ]
    features = architecture.front_end.mels * architecture.front_end.frames
    streamed = [Box("", 0, len(layers) - 1, 0, size=features), *_boxes(rows, maker, features)]
    total = features + rows.size
    top = 1.02 * max(arena.head, total)
    with sheet(HEIGHT) as figure:
        figure.subplots_adjust(left=0.065, right=0.99, top=1 - 0.4 / HEIGHT, bottom=0.32 / HEIGHT, wspace=0.05)
        left, right = figure.subplots(1, 2, sharey=True)
        _panel(left, whole, arena.head, top, title=f"operator by operator: {size(arena.head)}", steps=len(layers))
        _panel(right, streamed, total, top, title=f"row by row: {size(total)}", steps=len(layers))
        left.set_ylabel("activations")
        step = next(s for s in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096) if top / 1024 / s <= 8)
        left.set_yticks(range(0, int(top) + 1, step * 1024))
        ticks(left.yaxis, lambda v: f"{v / 1024:,.0f} KiB")
        return render(figure)


def _boxes(plan: RowPlan, maker: dict[int, str], features: int) -> list[Box]:
    out = []
    for segment in plan.segments:
        run = [*segment.rows, *segment.cells]
        for tensor, held in segment.buffers.items():
            offset = features + held.offset
            out.append(Box(maker.get(tensor, ""), min(run), max(run), offset, size=held.held * held.bytes))
    return out


def _panel(axes: Axes, boxes: list[Box], head: int, top: float, *, title: str, steps: int) -> None:
    for box in boxes:
        ink = colour(box.layer) if box.layer else MUTED
        width = box.last - box.first + 1
        axes.add_patch(
            Rectangle((box.first - 0.5, box.offset), width, box.size, facecolor=ink, edgecolor=CARD, linewidth=0.5)
        )
        if width / steps > 0.1 and box.size / top > 0.05:
            axes.text(
                box.first - 0.5 + width / 2,
                box.offset + box.size / 2,
                kib(box.size),
                ha="center",
                va="center",
                fontsize=7,
                color=on(ink),
                path_effects=halo(ink, 2.5),
            )
    axes.axhline(head, color=ACCENT, linewidth=1.1)
    axes.set(
        xlim=(-0.5, steps - 0.5), ylim=(0, top), title=title, xticks=[], xlabel="operators in the order of the run"
    )
    axes.grid(axis="y")
