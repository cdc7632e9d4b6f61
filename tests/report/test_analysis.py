"""Sections of the search page about all its trials together."""

from __future__ import annotations

import dataclasses
import re

from scipy.stats import kendalltau

from hwasc.nas.predictor import predicted
from hwasc.report.analysis import importance_bars, prediction_plot
from tests.report.examples import SPACE, check_page, search, trials
from tests.report.test_plots import svg


def test_few_trials_say_nothing() -> None:
    shown = check_page(search(trials(10), {})).text
    assert "10 trials with different scores are too few" in shown and "Predicted and measured" not in shown


def test_many_trials_show_what_matters_and_how_well_it_is_predicted() -> None:
    found = [
        dataclasses.replace(t, score=0.3 + 0.3 * (t.point["stage2.kernel"] == 5) + 0.05 * t.score) for t in trials(60)
    ]
    shown = check_page(search(found, {})).text
    assert re.search(r"of 60 scores of short trainings, by functional ANOVA", shown)
    tau = kendalltau(predicted(SPACE.choices(), found), [t.score for t in found]).statistic
    assert f"Kendall's tau of {tau:.2f}" in shown


def test_bars_begin_at_zero_and_have_their_figures() -> None:
    text = importance_bars({"stage1.kernel": 0.4, "mels": 0.2})
    assert "40.0 %" in svg(text) and "stage1.kernel" in svg(text)
    drawn = re.findall(r'<path d="([^"]*)" clip-path="[^"]*" style="fill: #2f7fc1', text)
    bars = [[float(x) for x in re.findall(r"[ML] (\S+) \S+", d)] for d in drawn]
    spans = sorted((min(b), max(b)) for b in bars)
    assert spans[0][0] == spans[1][0], "both begin at the same place"
    lengths = [high - low for low, high in spans]
    assert abs(lengths[1] / lengths[0] - 2) < 1e-3


def test_the_scales_of_predictions_and_scores_are_equal() -> None:
    found = [dataclasses.replace(t, score=0.2 + 0.01 * i) for i, t in enumerate(trials(3))]
    text = prediction_plot(found, [t.score for t in found])
    spots = {m[1]: (float(m[2]), float(m[3])) for m in re.finditer(r'data-trial="(\d)"[^>]* x="(\S+)" y="(\S+)"', text)}
    (x0, y0), (x2, y2) = spots["0"], spots["2"]
    assert abs((x2 - x0) + (y2 - y0)) < 0.01, "as far to the right as up"
