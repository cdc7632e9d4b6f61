"""Views in the waveform: teachers of every kind give logits of the very clips that the student gets; targets; `distill`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwasc.data.splits import folds
from hwasc.ensemble.corrected import corrected
from hwasc.ensemble.cross_fitting import held_out_logits
from hwasc.ensemble.family_teacher import FamilyTeacher
from hwasc.ensemble.fusion import FittedEnsemble, distillation_data, fuse
from hwasc.ensemble.waveform_views import waveform_views, with_waveform_views
from hwasc.records import architecture as architectures
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.settings import Settings
from hwasc.training.distillation import DistillationData
from hwasc.workspace import Workspace, open_workspace
from tests.ensemble.test_teachers_of_all_kinds import export as linear_onnx

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
VIEWS = [
    "distill.teacher_view=waveform", "distill.teacher_views=2", "fusion.view=mean", "distill.augment.mixup_p=0.7",
    "distill.augment.mixup_alpha=1.0", "distill.augment.noise_p=0.5", "distill.augment.equaliser_p=0.5",
]  # fmt: skip
OTHER = FrontEnd.for_clip(20, 26, n_fft=1024, window=1024, sample_rate=16_000)


@pytest.fixture
def space(tiny_data: Path, tiny_cache: Path, tiny_settings: list[str]) -> Callable[..., Workspace]:
    tiny = [s for s in tiny_settings if s != "--set"]

    def opened(*overrides: str) -> Workspace:
        return open_workspace(tiny_data, Settings.load(None, [*tiny, *VIEWS, *overrides]), cache=tiny_cache)

    return opened


def net_of(fused: FittedEnsemble, k: int, fold: int) -> nn.Module:
    teacher = fused.teachers.members[k]
    assert isinstance(teacher, FamilyTeacher)
    return teacher.net(fold).eval()


def student_data(ws: Workspace, front_end: FrontEnd, fused: FittedEnsemble | None) -> DistillationData:
    return with_waveform_views(distillation_data(ws, front_end, None), ws, front_end, fused)


def test_teachers_get_the_views_that_the_student_gets(space: Callable[..., Workspace]) -> None:
    """At the student's front end the teachers give, of the student's own input, the targets."""
    ws = space()
    fused = fuse(ws)
    data = student_data(ws, fused.front_end, fused)
    assert data.targets is None and data.taught and len(data.waveform_views) == 2
    nets = [net_of(fused, k, f) for f in range(2) for k in range(2)]
    first, second = data.waveform_views
    for view in (first, second):
        x, wanted = view.features.batch(np.arange(30)), view.targets
        assert wanted is not None
        with torch.no_grad():
            found = torch.stack([net(x) for net in nets]).mean(0)
        assert np.allclose(found, wanted[:30], atol=1e-3) and wanted.std() > 0.01
    assert first.targets is not None and second.targets is not None
    assert np.abs(first.targets - second.targets).mean() > 1e-3
    other = student_data(ws, OTHER, fused)
    assert np.array_equal(other.waveform_views[0].targets, first.targets), "the same views for every student"  # type: ignore[arg-type]
    assert np.allclose(other.waveform_views[0].labels, first.labels)


def test_models_that_were_trained_elsewhere_get_the_views(space: Callable[..., Workspace], tmp_path: Path) -> None:
    """One at the student's own front end, whose logits are a linear map of what the student gets; one at another rate."""
    net = linear_onnx(tmp_path / "own.onnx", space(), size=(40, 17))
    linear_onnx(tmp_path / "other.onnx", space(), size=(20, 26))
    other = "{mels: 20, frames: 26, sample_rate: 16000, n_fft: 1024, window: 1024, f_max: 8000.0}"
    ws = space(
        f"teachers.members=[{{name: own, model: {tmp_path / 'own.onnx'}}}, {{name: other, model: "
        f"{tmp_path / 'other.onnx'}, front_end: {other}}}]"
    )
    fused = fuse(ws)
    view, _ = student_data(ws, fused.front_end, fused).waveform_views
    with torch.no_grad():
        found = net(view.features.batch(np.arange(len(view.features)))).numpy()
    by_teacher = held_out_logits(fused.teachers, view.features, "train-view1")[:, 0]
    assert np.allclose(by_teacher[:, 0], found, atol=1e-2) and np.allclose(by_teacher.mean(1), view.targets, atol=1e-4)
    plain = held_out_logits(fused.teachers, fused.teachers.train, "train")[:, 0]
    assert (np.abs(by_teacher - plain).mean((0, 2)) > 0.1).all(), "both get other sound than as recorded"


def test_batches_are_of_one_view_an_epoch(space: Callable[..., Workspace]) -> None:
    ws = space("distill.augment.mixstyle_p=0", "distill.augment.mask=0")
    data = student_data(ws, OTHER, fuse(ws))
    n, classes = len(data.train), len(data.train.classes)
    for epoch in range(3):
        view = data.waveform_views[epoch % 2]
        got = list(data.batches(32, 0, epoch))
        x, labels, soft = (torch.cat([b[i] for b in got]) for i in range(3))  # type: ignore[misc]
        assert labels.shape == (len(x), classes) and torch.allclose(labels.sum(1), torch.ones(len(x)))
        assert len(x) >= n - 1
        stored = view.features.batch(np.arange(n)).flatten(1)
        rows = torch.cdist(x.flatten(1), stored).argmin(1).numpy()
        assert len(set(rows)) == len(x) and torch.equal(x.flatten(1), stored[rows])
        assert np.array_equal(labels, view.labels[rows]) and np.array_equal(soft, view.targets[rows])  # type: ignore[index]
    assert (labels.max(1).values < 1).float().mean() > 0.3
    assert [len(b[0]) for b in data.batches(32, 0, 0)] == [len(b[0]) for b in data.batches(32, 0, 2)]
    again, later = next(data.batches(32, 0, 0)), next(data.batches(32, 0, 2))
    assert not torch.equal(again[0], later[0]), "another order"


def test_out_of_fold_teachers_know_no_part_of_a_mixture(space: Callable[..., Workspace]) -> None:
    ws = space("distill.targets=out_of_fold")
    fused = fuse(ws)
    data = student_data(ws, fused.front_end, fused)
    clips, (view, _) = data.train.clips, data.waveform_views
    fold_of = dict(zip([c.id for c in clips], folds(clips, 2, 0), strict=True))
    change = waveform_views(ws, clips)[0]
    assert len(change.partners) > 30
    assert all(fold_of[own] == fold_of[partner.id] for own, partner in change.partners.items())
    rows = np.flatnonzero(fused.teachers.folds.of == 1)
    with torch.no_grad():
        found = torch.stack([net_of(fused, k, 1)(view.features.batch(rows)) for k in range(2)]).mean(0)
    assert np.allclose(found, view.targets[rows], atol=1e-3)  # type: ignore[index]
    right = student_data(space("distill.targets=corrected"), fused.front_end, fuse(space("distill.targets=corrected")))
    fixed = right.waveform_views[0]
    assert fixed.targets is not None and view.targets is not None
    assert np.array_equal(fixed.targets, corrected(view.targets, view.labels))
    shares = fixed.labels[np.arange(len(clips)), fixed.targets.argmax(1)]
    assert (shares > 0).all() and (view.labels[np.arange(len(clips)), view.targets.argmax(1)] == 0).any()


def test_corrected_targets() -> None:
    logits = np.array([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [0.0, 5.0, 1.0]])
    labels = np.array([[1.0, 0, 0], [0, 1.0, 0], [0.7, 0, 0.3], [0.7, 0.3, 0]])
    expected = [[3, 1, 2], [1, 3, 2], [5, 0, 1], [0, 5, 1]]
    assert corrected(logits, labels).tolist() == expected and logits[1, 0] == 3


def test_everything_is_cached(space: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch) -> None:
    ws = space("seed=0")
    fused = fuse(ws)
    first = student_data(ws, OTHER, fused)
    monkeypatch.setattr("hwasc.data.features.extract_chunks", lambda *_: pytest.fail("made again"))
    monkeypatch.setattr(FittedEnsemble, "targets", lambda *_: pytest.fail("computed again"))
    again = student_data(replace(ws, workers=2), OTHER, fused)
    for a, b in zip(first.waveform_views, again.waveform_views, strict=True):
        assert a.features.path == b.features.path and np.array_equal(a.targets, b.targets)  # type: ignore[arg-type]


@pytest.mark.long
def test_distill_on_views(hwasc: Run, tmp_path: Path) -> None:
    net = Architecture(OTHER, (4, 8), (InvertedResidual(3, 16, 8, (1, 1), True, GRN()),), 10)
    architectures.save(tmp_path / "a.json", net, {})
    argv = ["distill", "--arch", tmp_path / "a.json", "--json", *[x for s in VIEWS for x in ("--set", s)]]
    found = []
    for name, more in (
        ("first", ()),
        ("second", ("--set", "distill.targets=corrected")),
        ("third", ("--set", "distill.alpha=0")),
    ):
        status, out, err = hwasc(*argv, *more, "--run", tmp_path / name, tiny=True)
        assert status == 0, err
        found.append(json.loads(out))
    losses = [r["losses"]["float"] for r in found]
    assert all(np.isfinite(loss).all() for loss in losses) and losses[0] != losses[1] != losses[2]
    assert found[0]["fusion"] and not found[2]["fusion"]
    status, _, err = hwasc(*argv, "--set", "distill.teacher_views=0", "--run", tmp_path / "none", tiny=True)
    assert status == 2 and "'waveform' (which needs 1 at least)" in err
    (tmp_path / "beats.csv").touch()
    tables = ("--set", f"teachers=[crnn, {{name: beats, logits: {tmp_path / 'beats.csv'}}}]")
    status, _, err = hwasc(*argv, *tables, "--run", tmp_path / "tables", tiny=True)
    assert status == 2 and "beats only has logits of the clips as recorded" in err
    nowhere = ("--set", "distill.augment.response_folder=nowhere")
    status, _, err = hwasc(*argv, *nowhere, "--run", tmp_path / "nowhere", tiny=True)
    assert status == 2 and "nowhere is no folder" in err
