"""The figure that plots are drawn on: one style, no global state, the same bytes for the same picture."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, NullFormatter

from hwasc.report.theme import CARD, GRID, INK, MUTED

_POINTS = "trials "  # before the numbers, in the name of a group of points
WIDTH = 12.0  # inches; a page shows it at about 1,080 px
_STYLE = {
    "svg.hashsalt": "hwasc",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.linewidth": 0.7,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.unicode_minus": True,
    "path.simplify": False,
}


@contextmanager
def sheet(height: float, width: float = WIDTH) -> Iterator[Figure]:
    """A figure in the report's style; the user's matplotlibrc has no effect.

    Args:
        height: Inches.
        width: Inches.

    Yields:
        The figure.
    """
    fixed = ("backend", "webagg", "date.epoch")
    style: dict[Any, Any] = {k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith(fixed)} | _STYLE
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser has the glyph
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        with matplotlib.rc_context(style):
            figure = Figure(figsize=(width, height))
            FigureCanvasSVG(figure)
            yield figure


def render(figure: Figure) -> str:
    """The SVG element alone: no XML prolog, no date, no reference to other files. Call it within `sheet`."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.S)
    return _named(re.sub(r"(?<=>)\n\s*(?=<(?!/?(?:text|tspan)))", "\n", text)).strip()


def name_points(points: Line2D, trials: Sequence[int]) -> None:
    """Name the trial of each point, for the script of a page: as `data-trial` of the point's element.

    Args:
        points: Markers without a line.
        trials: Their numbers, in the order of the points.
    """
    points.set_gid(_POINTS + " ".join(map(str, trials)))


def _named(svg: str) -> str:
    """Move the numbers of trials from the name of a group to its points, and the points' style, which is one, to the group."""
    out, *groups = re.split(rf'<g id="{_POINTS}([\d ]+)">', svg)
    for numbers, rest in zip(groups[::2], groups[1::2], strict=True):
        trials = numbers.split()
        first, *uses = rest.split("<use ", len(trials))
        (style,) = {re.findall(r' style="[^"]*"', use)[0] for use in uses}
        out += f"<g{style}>{first}"
        out += "".join(
            f'<use data-trial="{t}" {use.replace(style, "", 1)}' for t, use in zip(trials, uses, strict=True)
        )
    return out


def halo(colour: str = CARD, width: float = 2.0) -> list[Any]:
    """An outline of text that is drawn over lines.

    Args:
        colour: Of the outline.
        width: Of the outline, points.

    Returns:
        Path effects of matplotlib.
    """
    return [withStroke(linewidth=width, foreground=colour)]


def ticks(axis: Axis, text: Callable[[float], str]) -> None:
    """Label the major ticks of an axis; minor ticks have no labels.

    Args:
        axis: The axis.
        text: The label of a value.
    """
    axis.set_major_formatter(FuncFormatter(lambda v, _: text(v)))
    axis.set_minor_formatter(NullFormatter())


def notes(axes: Axes, lines: Sequence[tuple[float, str, str]], gap: float) -> None:
    """Write labels on the right of the axes, beside their lines; labels that are too close are moved apart.

    Args:
        axes: The axes.
        lines: For each label its y, text and colour.
        gap: The least distance of two labels, in y's unit.
    """
    at: list[float] = []
    ordered = sorted(lines)
    for y, _, _ in ordered:
        at.append(max(y, at[-1] + gap) if at else y)
    # Shift the whole stack down by half of what the last one was pushed up, so that labels stay near their lines.
    over = at[-1] - ordered[-1][0] if at else 0.0
    for place, (y, text, colour) in zip(at, ordered, strict=True):
        axes.annotate(
            text,
            (1, y),
            (1.012, place - over / 2),
            xycoords=("axes fraction", "data"),
            va="center",
            color=colour,
            textcoords=("axes fraction", "data"),
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0},
        )
