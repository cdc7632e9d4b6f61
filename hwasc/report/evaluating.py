"""The evaluation page: accuracy of a model file on the test split, by scene and device, and in noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hwasc.report import plots
from hwasc.report.bars import grouped_bars
from hwasc.report.confusion import confusion_sections
from hwasc.report.formats import count, data_name, decimal, percent
from hwasc.report.mistakes import Mistakes
from hwasc.report.page import Fact, Facts, Paragraph, Part, Picture, Section, Table, page
from hwasc.report.verdicts import evaluation_verdict

if TYPE_CHECKING:
    from hwasc.students.evaluation import Evaluation, NoisyMetrics
    from hwasc.training.metrics import Metrics


def evaluation_report(
    evaluation: Evaluation, environment: Mapping[str, Any] | None = None, mistakes: Mistakes | None = None
) -> str:
    """Render the page about a model file.

    Args:
        evaluation: Its metrics on the test split.
        environment: What `records.run.environment()` gives, for the footer.
        mistakes: The clips that the model takes for another scene, see `report.mistakes`.

    Returns:
        The page as HTML text.
    """
    m = evaluation.metrics
    over = f"over {count(m.clips)} test clips"
    facts = {
        "macro accuracy": Fact(percent(m.accuracy), over, "measured"),
        "log loss": Fact(decimal(m.log_loss), "nats", "measured"),
        "calibration error": Fact(decimal(m.ece), "15 bins; 0 where confidence equals accuracy", "measured"),
        "accuracy by location": Fact(percent(m.by_location), f"of {count(m.locations)} locations", "measured"),
    }
    text = f"{evaluation.model} in {evaluation.runtime}, architecture {evaluation.architecture}. "
    text += f"Measured on {evaluation.measured.text()}."
    sections = [
        Section("Verdict", [evaluation_verdict(evaluation)]),
        Section("Summary", [Paragraph(text), Facts(facts)]),
    ]
    if evaluation.noisy:
        sections.append(Section("Noise", _noise(m, evaluation.noisy, over)))
    for values, title, what in (
        (m.groups, "Groups of devices", "group"),
        (m.per_device, "Devices", "device"),
        (m.per_class, "Scenes", "scene"),
    ):
        groups = {name: {"accuracy": v} for name, v in values.items()}
        sections.append(Section(title, [grouped_bars(groups, f"Measured {over}. Macro accuracy by {what}.")]))
    sections += confusion_sections(m.confusion, evaluation.classes, over, mistakes)
    title = f"{data_name(evaluation.model)} on {data_name(evaluation.measured.data)}"
    return page(title, f"{percent(m.accuracy)} macro accuracy {over}", sections, environment)


def _noise(clean: Metrics, noisy: Sequence[NoisyMetrics], over: str) -> list[Part]:
    """A curve for each source of noise, curves by group of devices for each source, then the figures."""
    series: dict[str, dict[float, float]] = {}
    for level in noisy:
        series.setdefault(level.noise, {})[level.snr] = level.metrics.accuracy
    start = dict.fromkeys(series, clean.accuracy)
    parts: list[Part] = [
        Paragraph(
            "Noise was added to the waveform of every test clip, at a ratio to the clip's own power, the same for every model."
        ),
        Picture(plots.noise_curve(series, start), f"Measured {over}. Macro accuracy by signal-to-noise ratio."),
    ]
    groups = list(clean.groups)
    for source in series:
        if len(groups) > 1:
            levels = [x for x in noisy if x.noise == source]
            by_group = {g: {x.snr: x.metrics.groups[g] for x in levels} for g in groups}
            shown = f"Measured {over}, {source} noise. Macro accuracy by group of devices."
            parts.append(Picture(plots.noise_curve(by_group, clean.groups), shown))
    rows = [_row("as recorded", "", clean), *(_row(x.noise, f"{x.snr:g} dB", x.metrics) for x in noisy)]
    columns = ("noise", "ratio", "macro accuracy", "log loss, nats", "calibration error", *groups)
    return [*parts, Table(columns, rows, f"Measured {over}")]


def _row(noise: str, ratio: str, m: Metrics) -> list[str]:
    scores = [percent(m.accuracy), decimal(m.log_loss), decimal(m.ece)]
    return [noise, ratio, *scores, *(percent(v) for v in m.groups.values())]
