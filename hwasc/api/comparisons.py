"""Comparisons of finished students."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hwasc.records.run import environment
from hwasc.records.schema import write_whole

if TYPE_CHECKING:
    from hwasc.students.comparison import Comparison
    from hwasc.students.result import DistillResult


def compare(
    runs: Sequence[DistillResult | str | Path], *, against: str | None = None, html: str | Path | None = None
) -> Comparison:
    """Compare distilled students: accuracies, costs, and the settings that differ, over seeds.

    Args:
        runs: What `hwasc.distill` gave, run folders, or folders that hold run folders. Runs that differ in seeds alone are one
            student.
        against: Name of the student that the others are compared with, run by run of equal seeds; None: the first.
        html: A page that is written.

    Returns:
        Means with their spread, differences with their standard error.

    Raises:
        UsageError: A folder holds no finished distillation, or there is no student of that name.

    Example:
        >>> c = hwasc.compare(["runs/small-0", "runs/small-1", "runs/large-0", "runs/large-1"])  # doctest: +SKIP
        >>> c.students[0].measures["int8"].mean  # doctest: +SKIP
    """
    from hwasc.students import comparison
    from hwasc.students.compared_runs import find_runs, read_compared

    folders = [Path(run) if isinstance(run, (str, Path)) else run.run for run in runs]
    result = comparison.compare([read_compared(folder) for folder in find_runs(folders)], against)
    if html is not None:
        from hwasc.report.comparing import comparison_report

        write_whole(Path(html), comparison_report(result, environment()))
    return result
