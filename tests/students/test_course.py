"""Accuracies on validation clips beside the losses: at some epochs, kept when resumed, and without any effect on the student."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hwasc.errors import UsageError
from hwasc.models import student as students
from hwasc.models.student import Student
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile
from hwasc.students import course as courses
from hwasc.students.course import POINTS, Course, measured_at
from hwasc.students.stages import train_float, train_int8
from hwasc.training.distillation import DistillationData
from hwasc.workspace import Workspace

NET = replace(cp_mobile(base=8), front_end=FrontEnd.for_clip(40, 17, sample_rate=16_000, n_fft=1024, window=1024))


@pytest.mark.parametrize("epochs", [0, 1, 7, 15, 16, 31, 60, 100])
def test_epochs_are_evenly_spaced_and_end_with_the_last(epochs: int) -> None:
    found = list(measured_at(epochs))
    assert len(found) == min(epochs, len(found)) <= POINTS and found[-1:] == [epochs][: len(found)]
    assert (
        len({b - a for a, b in itertools.pairwise(found)}) <= 1
        and found == sorted(set(found))
        and min(found, default=1) >= 1
    )
    assert len(found) > POINTS // 2 or len(found) == epochs


def test_an_epoch_that_is_trained_again_is_forgotten(tmp_path: Path) -> None:
    course = Course([3.0, 2.0, 1.0], [(1, 0.3), (3, 0.5)])
    courses.write(course, tmp_path, "float")
    assert courses.read(tmp_path, "float") == course and courses.read(tmp_path, "int8") == Course()
    course.restart(3)
    assert course == Course([3.0, 2.0], [(1, 0.3)])
    (tmp_path / "float_validation.json").write_text('[["x", 1]]')
    with pytest.raises(UsageError, match="float_losses.json or float_validation.json is broken .* delete both"):
        courses.read(tmp_path, "float")


def trained(ws: Workspace, run: Path) -> tuple[list[dict[str, torch.Tensor]], list[Course]]:
    """Both stages from the same initial weights."""
    run.mkdir()
    train = ws.features(ws.dataset.train, NET.front_end, "train")
    data = DistillationData(train, None, ws.augment(NET.front_end), 0.0, 1.0)
    torch.manual_seed(0)
    model: Student = students.build(replace(NET, classes=len(ws.classes)))
    model, of_float = train_float(ws, data, model, run, clips=ws.training_clips)
    quantized, of_int8 = train_int8(ws, data, model, run, clips=ws.training_clips)
    return [net.state_dict() for net in (model, quantized)], [of_float, of_int8]


@pytest.mark.slow
@pytest.mark.parametrize("average", [0.0, 1.5])
def test_measuring_changes_no_weight(
    tiny_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, average: float
) -> None:
    changes = {
        "distill.train.epochs": 3,
        "distill.train.average": average,
        "distill.qat.epochs": 2,
        "distill.branches": 2,
    }
    ws = replace(tiny_workspace, settings=tiny_workspace.settings.changed(changes))
    states, found = trained(ws, tmp_path / "measured")
    assert [[e for e, _ in c.validation] for c in found] == [[1, 2, 3], [1, 2]]
    assert all(0 <= accuracy <= 1 for c in found for _, accuracy in c.validation)
    assert json.loads((tmp_path / "measured/float_validation.json").read_text()) == [
        list(p) for p in found[0].validation
    ]
    monkeypatch.setattr(courses, "measured_at", lambda epochs: ())
    bare, without = trained(ws, tmp_path / "bare")
    assert [c.losses for c in without] == [c.losses for c in found] and without[0].validation == []
    for a, b in zip(states, bare, strict=True):
        assert all(torch.equal(value, b[key]) for key, value in a.items())
