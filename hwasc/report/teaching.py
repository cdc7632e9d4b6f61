"""The page about teachers: what each hears, sees and costs, how they are fused, whom z1 believes where, what each adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwasc.report.ensemble import fusion_parts
from hwasc.report.formats import ABSENT, count
from hwasc.report.page import Section, Table, page


def teach_report(told: Mapping[str, Any], environment: Mapping[str, Any] | None = None) -> str:
    """The page as text, from an ensemble's summary (`ensemble.summary`) in its JSON form."""
    over = f"over {count(told['clips'])} {told['split']} clips"
    parts = fusion_parts(told["fusion"], told["clips"], told["leave_one_out"], told["mixing"])
    rows = [_teacher(t) for t in told["teachers"]]
    columns = ("teacher", "hears: mels x frames", "window, hop, Hz", "sees: mels x frames", "parameters", "MACs a clip")
    sections = [
        Section(
            "Teachers",
            [Table(columns, rows, "Exact. Seen: the receptive field; more than the net hears where it is larger")],
        ),
        Section("Ensemble", parts),
    ]
    return page(
        "Teachers",
        f"students learn from the view {told['view']}, chosen on training clips; measured {over}",
        sections,
        environment,
    )


def _teacher(t: Mapping[str, Any]) -> list[str]:
    fe = t.get("front_end")
    hears = (
        [f"{fe['mels']} x {fe['frames']}", f"{fe['window']}, {fe['hop']}, {fe['sample_rate']}"] if fe else [ABSENT] * 2
    )
    if "parameters" not in t:
        return [t["name"], *hears, f"from {t['model'] or t['logits']}", ABSENT, ABSENT]
    sees = " x ".join(map(str, t["receptive_field"])) + f" and {t['beyond']}" * bool(t["beyond"])
    return [t["name"], *hears, sees, count(t["parameters"]), count(t["macs"])]
