"""The contract of a runtime.

from hwasc.testing.runtimes import check_runtime

def test_my_runtime() -> None:
    check_runtime(MyRuntime())
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from hwasc.audio.frontend import LogMel
from hwasc.data.features import Features
from hwasc.deploy.runtimes import FOLDER, OpenedModel, Runtime
from hwasc.errors import HwascError
from hwasc.models.student import Student
from hwasc.parts import EXPORTERS
from hwasc.testing import examples
from hwasc.training.loop import predict

CPU = torch.device("cpu")
MIN_AGREEMENT = 0.9  # share of clips with the student's predicted class
MAX_DIFFERENCE = 0.1  # of logits from waveforms, as a share of their range: few int8 features are a step apart


def check_runtime(runtime: Runtime) -> None:
    """Check that a runtime fulfils its contract, on a small int8 student in every format that it runs.

    Args:
        runtime: The object that the registry holds.

    Raises:
        AssertionError: Describes the first violation.
    """
    assert runtime.suffixes, "suffixes: it runs no kind of file"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = examples.features(folder / "features", examples.FRONT_END)
        student = examples.int8_student(clips)
        expected = predict(student, clips, CPU)
        for suffix in runtime.suffixes:
            assert suffix == FOLDER or suffix.startswith("."), f"the suffix '{suffix}' begins with no full stop"
            model = _written(runtime, student, folder / f"student{suffix}")
            if model is not None:
                check_model(runtime, model, student=student, clips=clips, expected=expected)
            _check_refusal(runtime, folder / f"broken{suffix}")


def _written(runtime: Runtime, student: Student, path: Path) -> Path | None:
    """The student in the format of this file or folder; None where no known exporter writes it."""
    if path.suffix == ".safetensors":
        return examples.write_weights(student, path)
    for name in EXPORTERS:
        exporter = EXPORTERS.get(name)
        if exporter.suffix == path.suffix and (path.suffix or name in getattr(runtime, "formats", ())):
            found: Path = exporter.export(student, path, examples.CLASSES, exporter.planners[0])
            return found
    return None


def check_model(runtime: Runtime, model: Path, *, student: Student, clips: Features, expected: np.ndarray) -> None:
    """Compare the logits that a runtime computes from a file with those of the student in it.

    Args:
        runtime: The runtime.
        model: The file.
        student: The student in the file.
        clips: The inputs.
        expected: The student's logits (n, classes).

    Raises:
        AssertionError: Describes the first violation.
    """
    opened = runtime.open(model, device=CPU, workers=1)
    assert isinstance(opened, OpenedModel), f"open returns {type(opened).__name__}, not an OpenedModel"
    assert opened.architecture == student.architecture, "another architecture than the file's"
    assert opened.classes == examples.CLASSES, f"classes are {opened.classes}, the file has {examples.CLASSES}"
    assert opened.runtime, "runtime: the name and version are missing"
    logits = opened.predict(clips, lambda done: None)
    assert logits.shape == expected.shape, f"logits have the shape {logits.shape}, expected {expected.shape}"
    agree = float((logits.argmax(1) == expected.argmax(1)).mean())
    assert agree >= MIN_AGREEMENT, f"only {agree:.0%} of the clips get the class that the student predicts"
    if opened.predict_waves is not None:
        fe = student.architecture.front_end
        waves = np.random.default_rng(0).uniform(-1, 1, (3, fe.samples)).astype(np.float32)
        of_waves = opened.predict_waves(iter(waves), lambda done: None)
        assert of_waves.shape == (3, expected.shape[1]), f"logits of waveforms have the shape {of_waves.shape}"
        with torch.no_grad():
            own = student(LogMel(fe)(torch.from_numpy(waves))[:, None]).numpy()
        assert np.abs(of_waves - own).max() <= MAX_DIFFERENCE * np.ptp(own), (
            "its front end gives other logits than hwasc's"
        )
    more = runtime.open(model, device=CPU, workers=2).predict(clips, lambda done: None)
    assert np.array_equal(more, logits), "two workers give other logits than one"


def _check_refusal(runtime: Runtime, path: Path) -> None:
    """A file or folder that is no model gives an error for people."""
    if not path.suffix:
        path.mkdir()
    (path if path.suffix else path / "model.c").write_bytes(b"this is no model")
    try:
        runtime.open(path, device=CPU, workers=1)
    except HwascError:
        return
    except Exception as e:
        raise AssertionError(f"a broken file raises {type(e).__name__}, not DataError or UsageError") from e
    raise AssertionError("a broken file is opened without an error")
