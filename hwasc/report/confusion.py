"""The confusion matrix as a table whose cells lead to their clips."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from hwasc.report.formats import plural
from hwasc.report.mistakes import Mistakes, note
from hwasc.report.page import Paragraph, Section


@dataclass(frozen=True)
class Confusion:
    """Clips by true and predicted class.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
        matrix: Clips by true class (row) and predicted class (column).
        classes: Names of the classes.
        caption: Text below the table.
        linked: Cells that the page lists clips of, as `row-column`.
    """

    macro: ClassVar[str] = "confusion"
    matrix: Sequence[Sequence[int]]
    classes: Sequence[str]
    caption: str
    linked: Collection[str] = ()

    def share(self, row: int, column: int) -> float:
        """The share of a row's clips that are in a cell.

        Args:
            row: Number of the true class.
            column: Number of the predicted class.

        Returns:
            0..1; 0 for a class without clips.
        """
        total = sum(self.matrix[row])
        return self.matrix[row][column] / total if total else 0.0

    def text(self, row: int, column: int) -> str:
        """A cell in words.

        Args:
            row: Number of the true class.
            column: Number of the predicted class.

        Returns:
            A phrase, e.g. `3 clips of bus taken for tram`.
        """
        clips, truth, predicted = self.matrix[row][column], self.classes[row], self.classes[column]
        if row == column:
            return f"{plural(clips, 'clip')} of {truth}, rightly predicted"
        return f"{plural(clips, 'clip')} of {truth} taken for {predicted}"


def confusion_sections(
    matrix: Sequence[Sequence[int]], classes: Sequence[str], over: str, mistakes: Mistakes | None
) -> list[Section]:
    """The matrix, and the clips that its cells lead to.

    Args:
        matrix: Clips by true class (row) and predicted class (column).
        classes: Names of the classes.
        over: What it was measured on, e.g. `over 40 test clips`.
        mistakes: The clips; None where they are not at hand.

    Returns:
        The sections.
    """
    caption = f"Measured {over}. Rows: truth; columns: prediction; per cent of the row's clips."
    linked = mistakes.pairs.keys() if mistakes else ()
    sections = [Section("Confusion", [Confusion(matrix, classes, caption, linked)])]
    if mistakes:
        sections.append(Section("Mistakes", [Paragraph(note(mistakes)), *([mistakes] if mistakes.clips else [])]))
    return sections
