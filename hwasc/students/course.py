"""How a stage of training went: the loss of each epoch, and accuracies on validation clips at some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.schema import STRICT

POINTS = 10  # validation accuracies of a stage at most: each costs a pass over the validation clips


@dataclass(frozen=True)
class Course:
    """The course of a training; grows while it runs.

    Attributes:
        losses: Mean training loss of each epoch.
        validation: (epoch from 1, macro accuracy 0..1) on validation clips, with the weights after that epoch.
    """

    losses: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def restart(self, epoch: int) -> None:
        """Forget an epoch, from 1, and those after it: they are trained again."""
        del self.losses[epoch - 1 :]
        self.validation[:] = [(e, accuracy) for e, accuracy in self.validation if e < epoch]


def measured_at(epochs: int) -> Sequence[int]:
    """The epochs after which validation clips are measured: at most `POINTS`, evenly spaced, the last one included.

    Args:
        epochs: Of the stage.

    Returns:
        Epochs from 1.
    """
    every = -(-epochs // POINTS)
    return range(epochs % every or every, epochs + 1, every) if epochs else ()


def files(numbers: str) -> tuple[str, str]:
    """Names of the files of a stage (`float` or `int8`) in a run folder: its losses, and its validation accuracies."""
    return f"{numbers}_losses.json", f"{numbers}_validation.json"


def write(course: Course, run: Path, numbers: str) -> None:
    """Write both files.

    Args:
        course: What they hold.
        run: The run folder.
        numbers: The stage.
    """
    for name, values in zip(files(numbers), (course.losses, course.validation), strict=True):
        schema.write_json(run / name, values)


def read(run: Path, numbers: str) -> Course:
    """Read both files; one that is not there is an empty list.

    Args:
        run: The run folder.
        numbers: The stage.

    Returns:
        The course.

    Raises:
        UsageError: A file is broken.
    """
    losses, validation = (run / name for name in files(numbers))
    values = [schema.read_json(path, "list") if path.is_file() else [] for path in (losses, validation)]
    try:
        return schema.parse(Course, {"losses": values[0], "validation": values[1]}, str(run))
    except UsageError as e:
        raise UsageError(
            f"{losses} or {validation.name} is broken ({e}); delete both and the weights beside them to train this stage again"
        ) from None
