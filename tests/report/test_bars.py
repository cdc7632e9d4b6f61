"""Bars start at zero, and their lengths are the figures beside them."""

from __future__ import annotations

import math

from hwasc.ensemble.fusion import FusionRow
from hwasc.report.bars import fusion_bars, grouped_bars, share_bars


def test_bars_of_accuracies() -> None:
    part = grouped_bars({"a": {"float": 0.5, "int8": 0.25}, "b": {"float": math.nan, "int8": 1.0}}, "c")
    assert [(b.share, b.text) for b in part.groups["a"]] == [(0.5, "50.0 %"), (0.25, "25.0 %")]
    assert [b.text for b in part.groups["b"]] == ["100.0 %"] and list(part.legend) == ["float", "int8"]
    assert not grouped_bars({"a": {"accuracy": 0.5}}, "c").legend


def test_bars_of_teachers() -> None:
    rows = [
        FusionRow(name="crnn", accuracy=0.5, log_loss=2.0, ece=0.1),
        FusionRow(name="mean", accuracy=math.nan, log_loss=1.0, ece=0.1),
    ]
    accuracy, loss = fusion_bars(rows, "over 3 clips")
    assert accuracy.groups["crnn"][0].share == 0.5 and accuracy.groups["mean"][0].share == 0
    assert [b[0].share for b in loss.groups.values()] == [1.0, 0.5] and loss.groups["crnn"][0].text == "2.000"
    assert accuracy.groups["crnn"][0].colour != accuracy.groups["mean"][0].colour
    assert all(not part.groups for part in fusion_bars([], ""))


def test_parts_too_narrow_have_no_figure() -> None:
    part = share_bars({"park": {"a": 0.97, "b": 0.03}}, "c")
    assert [b.text for b in part.groups["park"]] == ["97", ""] and part.stacked
