"""The contract of an exporter.

from hwasc.testing.exporters import check_exporter

def test_my_exporter() -> None:
    check_exporter(MyExporter())
"""

from __future__ import annotations

import tempfile
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from hwasc.deploy.exporters import Exporter, NoOptions
from hwasc.deploy.runtimes import by_suffix
from hwasc.errors import UsageError
from hwasc.parts import EXPORTERS, RUNTIMES
from hwasc.testing import examples
from hwasc.testing.runtimes import CPU, check_model
from hwasc.training.loop import predict
from hwasc.training.quantization.copying import copied


def check_exporter(exporter: Exporter) -> None:
    """Check that an exporter fulfils its contract: reproducible bytes, and the student's predictions in every runtime.

    Args:
        exporter: The object that the registry holds.

    Raises:
        AssertionError: Describes the first violation.
    """
    suffix = exporter.suffix
    assert suffix == "" or suffix.startswith("."), f"the suffix '{suffix}' begins with no full stop"
    options: Any = getattr(exporter, "options", NoOptions)
    assert is_dataclass(options), "options: expected a dataclass"
    assert {field.name for field in fields(options)} == set(vars(_made(options))), "options: each needs a default"
    assert exporter.planners and set(exporter.planners) <= {"greedy", "offline"}, f"planners: {exporter.planners}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = examples.features(folder / "features", examples.FRONT_END)
        student = examples.int8_student(clips)
        expected = predict(student, clips, CPU)
        for planner in exporter.planners:
            first, second = (folder / f"{planner}{i}" / f"student{suffix}" for i in range(2))
            for out in (first, second):
                found = exporter.export(copied(student), out, examples.CLASSES, planner, clips=examples.TRAINING_CLIPS)
                assert found == out and out.exists(), f"export returns {found}; it must write and return {out}"
                assert [p.name for p in out.parent.iterdir()] == [out.name], "there are other files beside the export"
            assert out.is_file() == bool(suffix), (
                f"the suffix is '{suffix}', which fits no {'file' if suffix else 'folder'}"
            )
            assert _content(first) == _content(second), f"planner {planner}: the same student gives other bytes"
            for runtime in _runtimes(exporter):
                try:
                    check_model(RUNTIMES.get(runtime), first, student=student, clips=clips, expected=expected)
                except UsageError:
                    continue  # this runtime is not installed


def _made(options: Any) -> Any:
    """An instance of all defaults."""
    try:
        return options()
    except TypeError as e:
        raise AssertionError(f"options: each needs a default ({e})") from None


def _runtimes(exporter: Exporter) -> list[str]:
    """The runtimes of what it writes: of such files, or of the folders of this format."""
    runtimes = by_suffix().get(exporter.suffix, [])
    if exporter.suffix:
        return runtimes
    names = [name for name in EXPORTERS if EXPORTERS.get(name) is exporter]
    return [name for name in runtimes if set(names) & set(RUNTIMES.get(name).formats)]


def _content(path: Path) -> dict[str, bytes]:
    """The bytes of a file, or of a folder's files by name."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {str(p.relative_to(path)): p.read_bytes() for p in files if p.is_file()}
