"""The page about teachers: front end, receptive field and cost of each, their fusion, z1's weights, what each teacher adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwasc.ensemble.summary import EnsembleSummary
from hwasc.ensemble.teacher_summary import TeacherSummary
from hwasc.report.ensemble import fusion_parts
from hwasc.report.formats import ABSENT, count
from hwasc.report.page import Paragraph, Part, Section, Table, page
from hwasc.report.verdicts import teach_verdict


def teach_report(summary: EnsembleSummary, environment: Mapping[str, Any] | None = None) -> str:
    """Render the page about an ensemble.

    Args:
        summary: The ensemble on held-out clips.
        environment: What `records.run.environment()` gives, for the footer.

    Returns:
        The page as HTML text.
    """
    s = summary
    over = f"over {count(s.clips)} {s.split} clips"
    columns = (
        "teacher",
        "what it is",
        "front end: mels x frames",
        "window, hop, Hz",
        "receptive field: mels x frames",
        "parameters",
        "MACs a clip",
    )
    rows = [_row(t) for t in s.teachers]
    sections = [
        Section("Verdict", [teach_verdict(s)]),
        Section(
            "Teachers", [*_clips(s), Table(columns, rows, "Exact. A receptive field can be larger than the input")]
        ),
        Section("Ensemble", fusion_parts(s.fusion, s.leave_one_out, s.mixing, s.clips)),
    ]
    return page(
        "Teachers",
        f"students learn from the view {s.view}, chosen on training clips; measured {over}",
        sections,
        environment,
    )


def _clips(s: EnsembleSummary) -> list[Part]:
    return [Paragraph(f"Measured on {s.measured.text()}.")] if s.measured else []


def _row(t: TeacherSummary) -> list[str]:
    fe = t.front_end
    log_mel = [f"{fe.mels} x {fe.frames}", f"{fe.window}, {fe.hop}, {fe.sample_rate}"] if fe else [ABSENT] * 2
    context = f" and {t.global_context}" if t.global_context else ""
    field = f"{t.receptive_field[0]} x {t.receptive_field[1]}{context}" if t.receptive_field else ABSENT
    costs = [ABSENT if number is None else count(number) for number in (t.parameters, t.macs)]
    return [t.name, t.text(), *log_mel, field, *costs]
