"""Numbers as people read them, and a sentence on the ensemble."""

from __future__ import annotations

from hwasc.report import formats
from hwasc.report.ensemble import Line, verdict


def test_formats():
    assert formats.size(210_944) == "210,944 B (206.0 KiB)" and formats.size(-2_048) == "\u22122,048 B (2.0 KiB)"
    assert (
        formats.percent(0.5694) == "56.9 %"
        and formats.points(-0.004) == "\u22120.4"
        and formats.percent(float("nan")) == "\u2013"
    )
    assert formats.short("a\n b" * 20, 8) == "a ba ba…" and formats.millions(331_776) == "332 k"


def test_verdict_admits_defeat():
    assert "do not beat" in verdict([Line("mean", 0.6, 1.0), Line("z1+z2", 0.59, 1.1)])
    assert "in log loss only" in verdict([Line("mean", 0.6, 1.0), Line("z1+z2", 0.6, 0.9)])
    assert verdict([Line("crnn", 0.6, 1.0)]) == ""
