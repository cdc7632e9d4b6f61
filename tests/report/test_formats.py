"""Numbers as people read them, and a sentence on the ensemble."""

from __future__ import annotations

from hwasc.ensemble.fusion import FusionRow
from hwasc.report import formats
from hwasc.report.ensemble import verdict


def test_formats():
    assert formats.size(210_944) == "210,944 B (206.0 KiB)" and formats.size(-2_048) == "\u22122,048 B (2.0 KiB)"
    assert (
        formats.percent(0.5694) == "56.9 %"
        and formats.points(-0.004) == "\u22120.4"
        and formats.percent(float("nan")) == "\u2013"
    )
    assert formats.short("a\n b" * 20, 8) == "a ba ba…" and formats.millions(331_776) == "332 k"


def row(name: str, accuracy: float, log_loss: float) -> FusionRow:
    return FusionRow(name=name, accuracy=accuracy, log_loss=log_loss, ece=0.1)


def test_verdict_admits_defeat():
    assert "do not beat" in verdict([row("mean", 0.6, 1.0), row("z1+z2", 0.59, 1.1)])
    assert "in log loss only" in verdict([row("mean", 0.6, 1.0), row("z1+z2", 0.6, 0.9)])
    assert verdict([row("crnn", 0.6, 1.0)]) == ""
    both = verdict([row("mean", 0.6, 1.0), row("z1+z2", 0.62, 0.9), row("z1+z2 (paper)", 0.61, 0.95)])
    assert both.endswith("z1+z2 (paper), reach 61.0 % and a log loss of 0.950.")
