"""The contract of an exporter.

from hwasc.testing.exporters import check_exporter

def test_my_exporter() -> None:
    check_exporter(MyExporter())
"""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

from hwasc.deploy.exporters import Exporter
from hwasc.deploy.runtimes import by_suffix
from hwasc.errors import UsageError
from hwasc.parts import RUNTIMES
from hwasc.testing import examples
from hwasc.testing.runtimes import CPU, check_model
from hwasc.training.loop import predict


def check_exporter(exporter: Exporter) -> None:
    """Check that an exporter fulfils its contract: reproducible bytes, and the student's predictions in every runtime.

    Args:
        exporter: The object that the registry holds.

    Raises:
        AssertionError: Describes the first violation.
    """
    suffix = exporter.suffix
    assert suffix == "" or suffix.startswith("."), f"the suffix '{suffix}' begins with no full stop"
    assert exporter.planners and set(exporter.planners) <= {"greedy", "offline"}, f"planners: {exporter.planners}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = examples.features(folder / "features", examples.FRONT_END)
        student = examples.int8_student(clips)
        expected = predict(student, clips, CPU)
        for planner in exporter.planners:
            first, second = (folder / f"{planner}{i}" / f"student{suffix}" for i in range(2))
            for out in (first, second):
                found = exporter.export(
                    copy.deepcopy(student), out, examples.CLASSES, planner, clips=examples.TRAINING_CLIPS
                )
                assert found == out and out.exists(), f"export returns {found}; it must write and return {out}"
                assert [p.name for p in out.parent.iterdir()] == [out.name], "there are other files beside the export"
            assert out.is_file() == bool(suffix), (
                f"the suffix is '{suffix}', which fits no {'file' if suffix else 'folder'}"
            )
            assert _content(first) == _content(second), f"planner {planner}: the same student gives other bytes"
            for runtime in by_suffix().get(suffix, ()) if suffix else ():
                try:
                    check_model(RUNTIMES.get(runtime), first, student=student, clips=clips, expected=expected)
                except UsageError:
                    continue  # this runtime is not installed


def _content(path: Path) -> dict[str, bytes]:
    """The bytes of a file, or of a folder's files by name."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {p.name: p.read_bytes() for p in files if p.is_file()}
