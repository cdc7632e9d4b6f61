"""What a model says of each clip that it is measured on: the table `predictions.csv`, and the clips where it is wrong."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.records.writing import write_whole

FILE = "predictions.csv"
COLUMNS = (
    "clip",
    "file",
    "start",
    "end",
    "scene",
    "predicted",
    "probability",
    "probability_of_scene",
    "device",
    "location",
)


def beside(page: str | Path) -> Path:
    """The table of a page that stands alone, e.g. `noise.predictions.csv` of `noise.html`."""
    return Path(page).with_suffix(f".{FILE}")


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipPredictions:
    """The logits of a model for each clip.

    Attributes:
        root: The data folder.
        features: The n clips, as the model got them.
        logits: (n, classes).
    """

    root: Path
    features: Features
    logits: npt.NDArray[np.floating]

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """Of every class, (n, classes)."""
        exponents = np.exp(self.logits.astype(np.float64) - self.logits.max(1, keepdims=True))
        return np.asarray(exponents / exponents.sum(1, keepdims=True))

    @cached_property
    def predicted(self) -> npt.NDArray[np.int64]:
        """Index of the most probable class, (n,)."""
        return self.logits.argmax(1)

    @property
    def wrong(self) -> list[int]:
        """Rows of the clips with another scene than the predicted one, the surest prediction first."""
        rows = np.flatnonzero(self.predicted != self.features.labels)
        sure = self.probabilities[rows, self.predicted[rows]]
        return [int(row) for row in rows[np.argsort(-sure, kind="stable")]]

    def file(self, clip: Clip) -> str:
        """The clip's recording, as the data set names it below its folder."""
        inside = clip.path.is_relative_to(self.root)
        return clip.path.relative_to(self.root).as_posix() if inside else clip.path.name

    def write_csv(self, path: Path) -> None:
        """Write a row for each clip: `COLUMNS`, then the probability of every class.

        Args:
            path: The file, which appears only when it is complete.
        """
        classes = self.features.classes
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*COLUMNS, *classes])
        rows = zip(self.features.clips, self.features.labels, self.predicted, self.probabilities, strict=True)
        for clip, label, predicted, shares in rows:
            figures = (f"{p:.4f}" for p in (shares[predicted], shares[label]))
            place = (clip.id, self.file(clip), f"{clip.start:.3f}", f"{clip.start + clip.seconds:.3f}")
            prediction = (clip.scene, classes[predicted], *figures, clip.device, clip.location)
            writer.writerow([*place, *prediction, *(f"{p:.4f}" for p in shares)])
        write_whole(path, text.getvalue())
