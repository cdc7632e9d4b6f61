"""Pictures: they parse, refer to nothing outside, and show the figures that they are given."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET

import pytest

from hwasc import cost
from hwasc.bench.comparison import Curve
from hwasc.cost import graph, memory
from hwasc.nas.trial import by_score
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile, dcase2024_baseline
from hwasc.report import formats, plots
from tests.report import examples


def svg(text: str) -> str:
    """The visible text of a picture that must parse and refer to nothing outside."""
    root = ET.fromstring(text)
    assert root.tag.endswith("svg")
    assert not re.search(r"https?://", re.sub(r'xmlns(:\w+)?="[^"]*"', "", text))
    return " ".join("".join(e.itertext()) for e in root.iter() if e.tag.endswith("}text"))


@pytest.mark.parametrize("build", [dcase2024_baseline, cp_mobile])
def test_timeline_shows_the_plan(build):
    net = graph.build(build())
    plan = memory.plan_greedy(net)
    shown = svg(plots.memory_timeline(build(), 196_608))
    assert formats.size(plan.head) in shown and formats.size(plan.lower_bound) in shown
    assert formats.size(196_608) in shown
    assert all(name in shown for name in ("input", "stem", "block 0", "depthwise", "pool"))


def test_timeline_boxes_end_at_the_head():
    """The highest box edge stands on the line of the plan's head: both have the same y in the picture."""
    text = plots.memory_timeline(dcase2024_baseline())
    lines = {
        m[1]: float(m[2])
        for m in re.finditer(r'<path d="M \S+ (\S+) \nL \S+ (\S+) \n" clip-path[^>]*stroke: #d1571b', text)
    }
    boxes = [float(y) for d in re.findall(r'<path d="([^"]*z)\n?"', text) for y in re.findall(r"[ML] \S+ (\S+)", d)]
    assert len(lines) == 1
    assert any(abs(y - next(iter(lines.values()))) < 1e-3 for y in boxes)


def test_timeline_beyond_the_picture_and_many_operators():
    block = InvertedResidual(3, 64, 32, (1, 1), True)
    long = Architecture(FrontEnd.for_clip(64, 64), (8, 32), (block,) * 15, 10)
    assert len(graph.build(long).operators) == 64
    assert "above the picture" in svg(plots.memory_timeline(long, 10**8))
    svg(plots.layer_chart(cost.layers(long)))
    longer = dataclasses.replace(long, blocks=(block,) * 40)
    svg(plots.memory_timeline(longer))


def test_layer_chart_merges_the_operators_of_a_layer():
    shown = svg(plots.layer_chart(cost.layers(cp_mobile())))
    assert shown.count("blocks.0.grn") == 1
    assert "224.0 KiB" in shown


def test_plots_leave_no_trace():
    import matplotlib

    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        changed = plots.training_curve({"a": [1.0, 0.5]})
    assert changed == plots.training_curve({"a": [1.0, 0.5]})
    assert dict(matplotlib.rcParams) == before


def test_strategies_have_a_line_a_band_and_a_name_in_both_panels():
    curves = {name: Curve([0.3, 0.4, 0.4], [0.02, 0.01, 0.0]) for name in ("nsga2", "local", "random")}
    picture = plots.strategy_curves(curves, curves, 0.45)
    shown = svg(picture)
    assert "best of all 0.450" in shown and [shown.split().count(name) for name in curves] == [1, 1, 1]
    assert picture.count("FillBetweenPolyCollection") == 6


def test_the_star_is_the_winner_though_another_scores_higher():
    scored = examples.trials(6)
    highest, *_, lowest = by_score(scored)
    assert f"best: trial {highest.number}," in svg(plots.search_curve(scored))
    assert f"best: trial {lowest.number}," in svg(plots.search_curve(scored, winner=lowest))
    assert plots.pareto_plot(scored, scored, {}, winner=lowest) != plots.pareto_plot(scored, scored, {})
    assert plots.pareto_plot(scored, scored, {}, winner=highest) == plots.pareto_plot(scored, scored, {})


def test_plots_of_nothing():
    for picture in (
        plots.search_curve([]),
        plots.strategy_curves({}, {}, 0.5),
        plots.pareto_plot([], [], {}),
        plots.training_curve({}),
        plots.noise_curve({}, {}),
        plots.layer_chart([]),
    ):
        svg(picture)
