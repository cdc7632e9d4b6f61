"""Exporters: each writes an int8 student in one format. One class each, one contract test for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Protocol

from hwasc.errors import UsageError
from hwasc.models.student import Student
from hwasc.parts import EXPORTERS
from hwasc.records.training_clips import TrainingClips
from hwasc.suggestion import did_you_mean

Planner = Literal["greedy", "offline"]


@dataclass(frozen=True)
class NoOptions:
    """The options of a format that has none."""


class Exporter(Protocol):
    """Writes a format.

    Attributes:
        suffix: What the file's name ends with, e.g. `.tflite`; empty for a format that is a folder.
        planners: Memory plans that the format can hold.

    A format with options of its own has two more attributes: `options`, a frozen dataclass with a default for each, which raises
    UsageError or ValueError for values that do not go together; and `summary(out)`, lines for people on what was written.
    `export` then takes a keyword `options`, an instance of it; None: all defaults. Where an option is named `run`, it is the
    folder of the weights unless another is given: what a distillation measured lies there.
    """

    suffix: str
    planners: tuple[Planner, ...]

    def export(
        self,
        model: Student,
        out: Path,
        classes: tuple[str, ...],
        planner: Planner,
        *,
        clips: TrainingClips | None = None,
    ) -> Path:
        """Write a student, whole or not at all; the same student gives the same bytes.

        Args:
            model: Quantized and calibrated.
            out: The file or the folder.
            classes: Names in the order of the logits.
            planner: The memory plan, one of `planners`.
            clips: The recordings that it was trained on and chosen by; the file refers to this record.

        Returns:
            What was written.

        Raises:
            UsageError: A folder is to be written, but `out` exists and is something else.
        """
        ...


def find(name: str) -> Exporter:
    """An exporter by the name of its format. UsageError for an unknown one."""
    found: Exporter = EXPORTERS.get(name)
    return found


def read_options(name: str, given: Mapping[str, Any]) -> Any:
    """Read the options of a format.

    Args:
        name: Of the format.
        given: Values by option.

    Returns:
        An instance of the format's dataclass of options; of `NoOptions` where it has none.

    Raises:
        UsageError: The format has no such option, or not such a value.
    """
    kind = getattr(find(name), "options", NoOptions)
    known = [field.name for field in fields(kind)]
    for option in given:
        if option not in known:
            others = [other for other in EXPORTERS if option in _options_of(other)]
            found = f"it is for --format {' and '.join(others)}" if others else f"known: {', '.join(known) or 'none'}"
            raise UsageError(f"--format {name} has no option '{option}'{did_you_mean(option, known)} ({found})")
    try:
        return kind(**given)
    except ValueError as e:
        raise UsageError(f"--format {name}: {e}") from None


def _options_of(name: str) -> list[str]:
    return [field.name for field in fields(getattr(find(name), "options", NoOptions))]


def default_path(name: str) -> Path:
    """The default path of a format: `student.onnx`, or a folder `student_tflm`."""
    suffix = find(name).suffix
    return Path(f"student{suffix}" if suffix else f"student_{name}")


def choose_format(out: Path, format: str | None) -> str:
    """Choose the format of an export.

    Args:
        out: The file or the folder.
        format: A name; None: the format that the ending of `out` stands for.

    Returns:
        The format's name.

    Raises:
        UsageError: The format is not known, or does not fit the ending of `out`.
    """
    suffixes = {name: find(name).suffix for name in EXPORTERS}
    by_suffix = {suffix: name for name, suffix in reversed(suffixes.items()) if suffix}
    chosen = format or by_suffix.get(out.suffix)
    if chosen is None:
        raise UsageError(
            f"--out {out}: {out.suffix or out.name} names no format; add --format ({', '.join(EXPORTERS)})"
        )
    wanted = find(chosen).suffix
    if out.suffix in by_suffix and out.suffix != wanted:
        advice = f"name a file that ends with {wanted}" if wanted else "name a folder"
        raise UsageError(f"--format {chosen} does not go into {out}; {advice}")
    return chosen
