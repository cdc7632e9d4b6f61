"""The page of `hwasc predict`: each recording's scenes over time, above its spectrogram."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hwasc.audio.reading import UnreadableClip
from hwasc.audio.sliding import recording_windows
from hwasc.data.extraction import log_mels
from hwasc.records.front_end import FrontEnd
from hwasc.report.canvas import render, sheet
from hwasc.report.curves import SERIES
from hwasc.report.formats import count, percent
from hwasc.report.page import Fact, Facts, Paragraph, Part, Picture, Section, Table, page
from hwasc.report.verdicts import prediction_verdict
from hwasc.students.prediction import Classified, Predictions

PICTURES = 30  # recordings that are drawn; all are in the table
COLUMNS = 600  # of a spectrogram


def prediction_report(result: Predictions, front_end: FrontEnd, environment: Mapping[str, Any] | None = None) -> str:
    """Render the page.

    Args:
        result: What was classified.
        front_end: The model's log-mel, in which the recordings are drawn.
        environment: What `records.run.environment()` gives, for the footer.

    Returns:
        The page as HTML text.
    """
    scenes = [f.scene for f in result.files]
    facts = {
        "recordings": Fact(count(len(result.files)), f"{count(len(result.skipped))} recordings or windows left out"),
        "windows": Fact(
            count(sum(len(f.windows) for f in result.files)), f"of {result.seconds:g} s, every {result.every:g} s"
        ),
    }
    text = f"{result.model} in {result.runtime}, architecture {result.architecture}. A recording's scene is the one with the "
    text += "highest mean probability over its windows."
    common = {s: scenes.count(s) for s in sorted(set(scenes), key=lambda s: (-scenes.count(s), s))}
    head: list[Part] = [
        Paragraph(text),
        Facts(facts),
        Table(("scene", "recordings"), [[s, n] for s, n in common.items()]),
    ]
    rows = [[f.file, f.scene, percent(f.probability), count(len(f.windows))] for f in result.files]
    sections = [
        Section("Verdict", [prediction_verdict(result)]),
        Section("Summary", head),
        Section("Recordings", [Table(("recording", "scene", "mean probability", "windows"), rows)]),
    ]
    for file in result.files[:PICTURES]:
        shown = f"{file.scene}, {percent(file.probability)} in the mean. Above: probabilities by window, for the scenes that are "
        shown += "among the most probable ones anywhere. Below: the model's log-mel."
        sections.append(Section(Path(file.file).name, [Picture(scenes_over_time(file, result, front_end), shown)]))
    if result.skipped:
        lacking = [
            [s.file, "all or its rest" if s.start is None else f"{s.start:g} s", s.reason] for s in result.skipped
        ]
        sections.append(Section("Left out", [Table(("recording", "from", "reason"), lacking)]))
    return page("Scenes", f"{count(len(result.files))} recordings", sections, environment)


def scenes_over_time(file: Classified, result: Predictions, front_end: FrontEnd) -> str:
    """Plot the probabilities of the scenes over the spectrogram of a recording.

    Args:
        file: The recording.
        result: What it is part of.
        front_end: The model's log-mel.

    Returns:
        The SVG element.
    """
    end = file.windows[-1].end
    middles = [(w.start + w.end) / 2 for w in file.windows]
    by_class = np.array([w.probabilities for w in file.windows])
    ranked = sorted({w.scene for w in file.windows}, key=lambda s: -by_class[:, result.classes.index(s)].sum())
    with sheet(3.6) as figure:
        above, below = figure.add_axes((0.06, 0.56, 0.92, 0.35)), figure.add_axes((0.06, 0.12, 0.92, 0.4))
        for scene, colour in zip(ranked, SERIES, strict=False):
            values = by_class[:, result.classes.index(scene)]
            above.plot(middles, values, "o-" if len(middles) < 40 else "-", color=colour, markersize=3, label=scene)
        above.set_ylim(0, 1.02)
        above.set_xlim(0, end)
        above.set_ylabel("probability")
        above.grid(axis="y")
        above.tick_params(labelbottom=False)
        above.legend(loc="lower left", bbox_to_anchor=(0.0, 0.98), ncols=len(SERIES), borderaxespad=0.0)
        spectrogram = _spectrogram(Path(file.file), front_end)
        if spectrogram is not None:
            bands, until = spectrogram
            below.imshow(
                bands,
                aspect="auto",
                origin="lower",
                extent=(0, until, 0, len(bands)),
                cmap="magma",
                interpolation="none",
            )
        below.set_xlim(0, end)
        below.set_ylabel("mel band")
        below.set_xlabel("seconds")
        return render(figure)


def _spectrogram(path: Path, front_end: FrontEnd) -> tuple[np.ndarray, float] | None:
    """The log-mel of a recording, window by window, (mels, columns) and its length in s; None where it can't be read again."""
    seconds = front_end.seconds
    parts, until = [], 0.0
    try:
        for start, wave in recording_windows(path, seconds=seconds, every=seconds, sample_rate=front_end.sample_rate):
            parts.append(np.zeros((front_end.samples,), np.float32) if isinstance(wave, UnreadableClip) else wave)
            until = start + seconds
    except UnreadableClip:
        if not parts:
            return None
    features, _ = log_mels(parts, front_end)
    whole = features.astype(np.float32).transpose(1, 0, 2).reshape(front_end.mels, -1)
    step = -(-whole.shape[1] // COLUMNS)
    whole = whole[:, : whole.shape[1] // step * step].reshape(front_end.mels, -1, step).mean(2)
    return whole, until
