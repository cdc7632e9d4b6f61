"""Bars of figures as parts of a page: from zero, on one scale, and as readable on a phone and on paper as on a desk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from hwasc.records.teacher_settings import FUSED, LEARNED, PAPER
from hwasc.report.formats import decimal, percent
from hwasc.report.theme import BLOCKS, BLUE, GREEN, NEUTRAL, ORANGE, PINK, SKY, on

if TYPE_CHECKING:
    from hwasc.ensemble.fusion import FusionRow

SERIES = (NEUTRAL, BLUE, ORANGE, GREEN, PINK, SKY)
READABLE = 0.05  # a narrower part of a bar has no figure


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar.

    Attributes:
        share: Its length, 0..1 of the whole scale.
        text: The figure beside it, or in it.
        colour: Of the bar.
        ink: Of a figure in it.
    """

    share: float
    text: str
    colour: str
    ink: str = ""


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Groups of bars, one below the other.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
        caption: Text below the bars.
        groups: The bars of each group by its name.
        legend: Colour of each series by its name; empty where there is one series.
        stacked: Whether the bars of a group are one after the other on one line.
    """

    macro: ClassVar[str] = "bars"
    caption: str
    groups: Mapping[str, Sequence[Bar]]
    legend: Mapping[str, str] = field(default_factory=dict)
    stacked: bool = False


def grouped_bars(groups: Mapping[str, Mapping[str, float]], caption: str) -> Bars:
    """Accuracies by group, e.g. device, with a bar for each series, e.g. float and int8.

    Args:
        groups: Accuracies, 0..1, by series, by group. The scale ends at 1.
        caption: Text below the bars.

    Returns:
        The part.
    """
    colours = _colours(groups, SERIES)
    shown = {
        group: [Bar(share=v, text=percent(v), colour=colours[name]) for name, v in values.items() if math.isfinite(v)]
        for group, values in groups.items()
    }
    return Bars(caption=caption, groups=shown, legend=colours if len(colours) > 1 else {})


def fusion_bars(rows: Sequence[FusionRow], over: str) -> list[Bars]:
    """Macro accuracy and log loss of teachers and fusions.

    Args:
        rows: A bar each.
        over: What they were measured on.

    Returns:
        Two parts.
    """
    fused = {name: ORANGE for name in FUSED} | {name: BLUE for name in LEARNED} | {name: SKY for name in PAPER}
    losses = [r.log_loss for r in rows if math.isfinite(r.log_loss)]
    top = max(losses, default=0.0) or 1.0
    accuracies, log_losses = {}, {}
    for r in rows:
        colour = fused.get(r.name, NEUTRAL)
        accuracies[r.name] = [_bar(r.accuracy, percent(r.accuracy), colour)]
        log_losses[r.name] = [_bar(r.log_loss / top, decimal(r.log_loss), colour)]
    kinds = {"teachers": NEUTRAL, "means of their logits": ORANGE, "learned heads": BLUE}
    legend = kinds | ({"the paper's heads": SKY} if any(r.name in PAPER for r in rows) else {})
    return [
        Bars(caption=f"Measured {over}. Macro accuracy: higher is better.", groups=accuracies, legend=legend),
        Bars(caption=f"Measured {over}. Log loss in nats: lower is better.", groups=log_losses, legend=legend),
    ]


def share_bars(groups: Mapping[str, Mapping[str, float]], caption: str) -> Bars:
    """Shares that sum to 1 by group, e.g. teachers' weights by scene: one line for each group, one part for each name.

    Args:
        groups: Shares, 0..1, by name, by group.
        caption: Text below the bars.

    Returns:
        The part.
    """
    colours = _colours(groups, BLOCKS)
    shown = {
        group: [
            Bar(
                share=share,
                text=f"{100 * share:.0f}" if share > READABLE else "",
                colour=colours[name],
                ink=on(colours[name]),
            )
            for name, share in shares.items()
        ]
        for group, shares in groups.items()
    }
    return Bars(caption=caption, groups=shown, legend=colours, stacked=True)


def _colours(groups: Mapping[str, Mapping[str, float]], colours: Sequence[str]) -> dict[str, str]:
    names = dict.fromkeys(name for values in groups.values() for name in values)
    return {name: colours[i % len(colours)] for i, name in enumerate(names)}


def _bar(share: float, text: str, colour: str) -> Bar:
    return Bar(share=share if math.isfinite(share) else 0.0, text=text, colour=colour)
