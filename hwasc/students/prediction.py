"""What a model says of recordings: the scene of each window, and of each recording as a whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwasc.records.results import Result
from hwasc.records.writing import write_whole


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a recording as long as a clip.

    Attributes:
        start: Where it begins, s.
        end: Where it ends, s.
        scene: The most probable one.
        probability: Of this scene, 0 to 1.
        probabilities: Of all classes, in their order.
    """

    start: float
    end: float
    scene: str
    probability: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """What could not be classified.

    Attributes:
        file: The recording.
        reason: Why, in a few words.
        start: Of the window, s; None: the whole recording, or its rest.
    """

    file: str
    reason: str
    start: float | None = None


@dataclass(frozen=True, kw_only=True)
class Classified(Result):
    """A recording.

    Attributes:
        file: Its path, or a name.
        scene: The one with the highest mean probability over all windows.
        probability: This mean.
        probabilities: The mean of each class, in their order.
        windows: Its windows, one at least.
    """

    file: str
    scene: str
    probability: float
    probabilities: tuple[float, ...]
    windows: tuple[Window, ...]


@dataclass(frozen=True, kw_only=True)
class Predictions(Result):
    """What a model says of recordings.

    Attributes:
        model: The file.
        runtime: What ran it, with its version.
        architecture: Its id.
        classes: The scenes, in the order of all probabilities.
        seconds: Length of a window, s.
        every: From the start of a window to that of the next, s.
        files: The recordings that were classified.
        skipped: Recordings and windows that were not.
    """

    model: str
    runtime: str
    architecture: str
    classes: tuple[str, ...]
    seconds: float
    every: float
    files: tuple[Classified, ...]
    skipped: tuple[Skipped, ...] = ()

    def write_csv(self, path: str | Path) -> None:
        """Write a row for each window: file, start, end, scene, its probability, and those of all classes.

        Args:
            path: The file, which appears only when it is complete.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["file", "start", "end", "scene", "probability", *self.classes])
        for f in self.files:
            for w in f.windows:
                shares = (f"{p:.4f}" for p in (w.probability, *w.probabilities))
                writer.writerow([f.file, f"{w.start:.3f}", f"{w.end:.3f}", w.scene, *shares])
        write_whole(Path(path), text.getvalue())


def classified(
    file: str, starts: Sequence[float], logits: np.ndarray, *, classes: Sequence[str], seconds: float
) -> Classified:
    """Make a record of the logits of a recording's windows.

    Args:
        file: The recording.
        starts: Where the n windows begin, s.
        logits: (n, classes), n at least 1.
        classes: The scenes.
        seconds: Length of a window, s.

    Returns:
        The record.
    """
    exponents = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    shares = exponents / exponents.sum(1, keepdims=True)
    found = [
        Window(
            start=start,
            end=start + seconds,
            scene=classes[int(row.argmax())],
            probability=float(row.max()),
            probabilities=tuple(map(float, row)),
        )
        for start, row in zip(starts, shares, strict=True)
    ]
    mean = shares.mean(0)
    return Classified(
        file=file,
        scene=classes[int(mean.argmax())],
        probability=float(mean.max()),
        probabilities=tuple(map(float, mean)),
        windows=tuple(found),
    )
