"""The page of `hwasc compare`: students side by side, over their runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hwasc.report import plots
from hwasc.report.formats import ABSENT, count, decimal, kib, percent, plural
from hwasc.report.page import Paragraph, Picture, Section, Table, page

if TYPE_CHECKING:
    from hwasc.students.comparison import Comparison, Difference, Spread

PLAIN = ("log loss", "ECE")  # measures that are no shares


def comparison_report(c: Comparison, environment: Mapping[str, Any] | None = None) -> str:
    """Render the page.

    Args:
        c: The students.
        environment: What `records.run.environment()` gives, for the footer.

    Returns:
        The page as HTML text.
    """
    names = [s.name for s in c.students]
    best = max(c.students, key=lambda s: s.measures["int8"].mean)
    text = (
        f"{plural(len(names), 'student')} on test clips of {', '.join(c.data)}. The highest mean of int8 accuracy is that of "
        f"{best.name}, {measure_cell('int8', best.measures['int8'])} over {plural(len(best.runs), 'run')}. "
        "Figures are means over runs of other seeds, with their standard deviation; a single run has none."
    )
    points = {s.name: s.measures["int8"].values for s in c.students}
    figures = _table(c, "measures", measure_cell, "Macro accuracy, of int8 but where said otherwise; log loss in nats")
    sections = [
        Section(
            "Accuracy",
            [Paragraph(text), Picture(plots.dots(points), "int8 on test clips, run by run; line: mean."), figures],
        ),
        Section("Differences", _differences(c)),
        Section("Costs", [_table(c, "costs", cost_cell, "A range where each run has a net of its own")]),
    ]
    if c.settings:
        rows = [(name, *(_text(s.settings.get(name)) for s in c.students)) for name in c.settings]
        sections.append(Section("Settings that differ", [Table(("setting", *names), rows)]))
    for title, of, caption in (
        ("Teachers", "ensemble", "Macro accuracy of each teacher and of each way to fuse them, on test clips"),
        ("Noise", "noise", "Macro accuracy of int8 with noise added to the clips, by source and signal-to-noise ratio"),
    ):
        if any(getattr(s, of) for s in c.students):
            sections.append(Section(title, [_table(c, of, measure_cell, caption)]))
    runs = [
        (s.name, run, r.seed, r.student_seed, r.fold)
        for s in c.students
        for run, r in zip(s.runs, s.repetitions, strict=True)
    ]
    sections.append(Section("Runs", [Table(("student", "run folder", "seed", "student's seed", "part"), runs)]))
    return page("Comparison", ", ".join(names), sections, environment)


def _table(c: Comparison, of: str, cell: Callable[[str, Spread | None], str], caption: str) -> Table:
    """A row for each student and a column for each figure that one of them has."""
    columns = list(dict.fromkeys(name for s in c.students for name in getattr(s, of)))
    rows = [(s.name, len(s.runs), *(cell(name, getattr(s, of).get(name)) for name in columns)) for s in c.students]
    return Table(("student", "runs", *columns), rows, caption)


def measure_cell(name: str, spread: Spread | None) -> str:
    """A measure over runs, e.g. `73.3 % ± 1.2`.

    Args:
        name: Of the measure.
        spread: Its figures; None: the student has none.

    Returns:
        The text.
    """
    if spread is None:
        return ABSENT
    if name in PLAIN:
        return decimal(spread.mean) + (f" ± {decimal(spread.deviation)}" if spread.deviation is not None else "")
    if spread.deviation is None:
        return percent(spread.mean)
    return f"{percent(spread.mean)} ± {100 * spread.deviation:.1f}"


def cost_cell(name: str, spread: Spread | None) -> str:
    """A cost over runs; a range where they differ.

    Args:
        name: Of the cost.
        spread: Its figures; None: the student has none.

    Returns:
        The text.
    """
    if spread is None:
        return ABSENT
    shown = count if name in ("parameters", "MACs") else kib
    low, high = min(spread.values), max(spread.values)
    return shown(low) if low == high else f"{shown(low)} to {shown(high)}"


def difference_cell(name: str, d: Difference) -> str:
    """A mean difference in percentage points or nats, e.g. `+2.1 ± 0.8 points`.

    Args:
        name: Of the measure.
        d: The difference.

    Returns:
        The text, with the standard error where there is one.
    """
    if name not in d.mean:
        return ABSENT
    scale, digits, unit = (1, 3, "") if name in PLAIN else (100, 1, " points")
    error = d.standard_error[name]
    text = f"{scale * d.mean[name]:+.{digits}f}".replace("-", "\u2212")
    return text + (f" ± {scale * error:.{digits}f}" if error is not None else "") + unit


def _differences(c: Comparison) -> list[Paragraph | Table]:
    if not c.differences:
        return [Paragraph("There is no second student with a run of the same seeds.")]
    names = list(c.differences[0].mean)
    rows = [(m, *(difference_cell(m, d) for d in c.differences)) for m in names]
    columns = ("", *(f"{d.student}, {plural(d.runs, 'run')}" for d in c.differences))
    caption = f"Against {c.differences[0].against}, run by run of equal seeds: mean ± standard error of the mean"
    return [Table(columns, rows, caption)]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
