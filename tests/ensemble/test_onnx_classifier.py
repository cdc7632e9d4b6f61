"""ONNX models as teachers: a softmax at the end is recognised, and what gives no logits is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hwasc.ensemble.clip_set import ClipSet
from hwasc.ensemble.onnx_model import OnnxClassifier
from hwasc.ensemble.onnx_teacher import OnnxTeacher
from hwasc.errors import DataError
from hwasc.testing import examples
from tests.deploy.little_models import CLASSES, NET, onnx_file


@pytest.fixture
def clips(tmp_path: Path) -> Any:
    return examples.features(tmp_path / "f", NET.front_end)


@pytest.fixture
def logits_of(
    tmp_path: Path, clips: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[np.ndarray, list[str]]]:
    """The logits of a model as a teacher, and what is said of it."""
    monkeypatch.setattr("hwasc.ensemble.clip_set.features_by_front_end", lambda ws, f, fes, what: dict.fromkeys(fes, f))

    def given(path: Path) -> tuple[np.ndarray, list[str]]:
        said: list[str] = []
        ws: Any = SimpleNamespace(
            cache=tmp_path / "cache",
            dataset=SimpleNamespace(classes=tuple(CLASSES)),
            reporter=SimpleNamespace(say=said.append),
        )
        teacher = OnnxTeacher(name=path.stem, model=path, hash=path.stem, front_end=NET.front_end)
        asked = ClipSet.of(ws, clips, "train")
        first = teacher.logits(asked, 0)
        np.testing.assert_array_equal(teacher.logits(asked, 1), first)  # from the cache
        return first, said

    return given


def test_a_softmax_at_the_end_gives_the_same_logits_up_to_a_constant(
    tmp_path: Path, logits_of: Callable[..., tuple[np.ndarray, list[str]]]
) -> None:
    plain, said = logits_of(onnx_file(tmp_path / "plain.onnx", {}))
    assert not said
    shares, said = logits_of(onnx_file(tmp_path / "soft.onnx", {}, softmax=True))
    assert len(said) == 1 and "soft.onnx: the rows are probabilities" in said[0]
    log_softmax = (
        plain - np.log(np.exp(plain - plain.max(1, keepdims=True)).sum(1, keepdims=True)) - plain.max(1, keepdims=True)
    )
    np.testing.assert_allclose(shares, np.maximum(log_softmax, np.log(1e-7)), atol=1e-3)
    assert np.ptp(plain) > 1


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        (np.full((1, 3), 1e300), "not finite in float32"),
        (np.full((1, 3), np.inf, np.float32), "not finite in float32"),
        (np.zeros((1, 4), np.float32), r"gives \[1, 4\], expected finite logits"),
        (np.zeros((1, 3), bool), "gives bool, expected numbers"),
    ],
)
def test_outputs_that_are_no_logits(tmp_path: Path, clips: Any, logits: np.ndarray, said: str) -> None:
    model = OnnxClassifier(onnx_file(tmp_path / "m.onnx", {}, logits=logits), CLASSES)
    with pytest.raises(DataError, match=said):
        model._run(clips, np.arange(1))


@pytest.mark.parametrize("classes", [3, "bus", ["bus", "bus", "tram"], {"a": 1}, [None, 1, 2], [["bus"]]])
def test_class_names_of_another_type(tmp_path: Path, classes: object) -> None:
    with pytest.raises(DataError, match="its metadata 'classes' is not a JSON list of names"):
        OnnxClassifier(onnx_file(tmp_path / "m.onnx", {"classes": classes}), CLASSES)
