"""A submission to DCASE Task 1."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from hwasc.errors import UsageError
from hwasc.progress import Reporter

if TYPE_CHECKING:
    from hwasc.dcase.rules import About
    from hwasc.dcase.submission import Submission


def submit(
    year: int,
    runs: Mapping[str, str | Path],
    *,
    evaluation: str | Path,
    label: str,
    about: About | str | Path,
    out: str | Path = "submission",
    cache: str | Path | None = None,
    workers: int = 1,
    progress: bool = True,
) -> Submission:
    """Write a submission to DCASE Task 1 from finished distillations.

    Args:
        year: 2024 or 2025.
        runs: Run folders of `distill`: by subset in 2024 (`"5"` ... `"100"`); in 2025 `"general"`, and by device for devices
            with a separate student.
        evaluation: The official evaluation set, as it is unpacked.
        label: `Surname_INST_task1_N`, N from 1 to 4.
        about: Who submits: an object or a YAML file.
        out: The folder that is written.
        cache: Folder of features; None: the default.
        workers: Processes that make features.
        progress: Whether progress is shown on standard error.

    Returns:
        What was written, and the limits with their slack.

    Raises:
        UsageError: A label, year, subset or list of classes does not fit, a run is unfinished, or a limit is passed.
        DataError: An evaluation clip is absent or no audio.
        HwascError: The inference package does not run, or its results differ.
    """
    from hwasc.dcase import submission
    from hwasc.dcase.rules import YEARS, About

    if year not in YEARS:
        raise UsageError(f"{year}: there is no such year here (years: {', '.join(map(str, YEARS))})")
    return submission.submit(
        cast("Literal[2024, 2025]", year),
        {name: Path(folder) for name, folder in runs.items()},
        evaluation=Path(evaluation),
        label=label,
        about=about if isinstance(about, About) else About.load(Path(about), year),
        out=Path(out),
        cache=None if cache is None else Path(cache),
        workers=workers,
        reporter=Reporter(quiet=not progress),
    )
