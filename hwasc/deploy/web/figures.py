"""What a page says of the student's accuracy, from the `result.json` of its distillation."""

from __future__ import annotations

from pathlib import Path

from hwasc.errors import DataError, UsageError
from hwasc.records import schema
from hwasc.records.measured_clips import MeasuredClips
from hwasc.training.metrics import Metrics


def accuracy_text(run: Path) -> str | None:
    """Say how accurate a student is.

    Args:
        run: Its run folder.

    Returns:
        A line for people; None where the folder has no result of a distillation.

    Raises:
        DataError: The result is damaged.
    """
    path = run / "result.json"
    if not path.is_file():
        return None
    try:
        found = schema.read_json(path, "result")
        if not isinstance(found, dict) or not {"int8", "measured"} <= set(found):
            return None
        test = schema.parse(Metrics, found["int8"], f"{path}: int8")
        measured = schema.parse(MeasuredClips, found["measured"], f"{path}: measured")
    except UsageError as e:
        raise DataError(str(e)) from None
    known = test.standard_error is not None
    error = f" ± {100 * test.standard_error:.1f} %" if test.standard_error is not None else ""
    return (
        f"Accuracy {100 * test.accuracy:.1f} %{error}: mean over the scenes{' and its standard error' * known}, on "
        f"{test.clips:,} test clips of {Path(measured.data).name}."
    )
