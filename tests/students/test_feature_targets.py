"""Feature distillation in `distill`: the embeddings of a member of the ensemble, for the clips and for their views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import hwasc as api
from hwasc.ensemble.fusion import distillation_data
from hwasc.ensemble.waveform_views import with_waveform_views
from hwasc.errors import UsageError
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.students.feature_targets import feature_teacher, with_embeddings
from hwasc.training.weights import load_weights, read_entries
from hwasc.workspace import Workspace
from tests.ensemble.embedding.little_nets import SIZE, hidden, onnx_net

FE = FrontEnd.for_clip(40, 17, n_fft=1024, window=1024, sample_rate=16_000)
NET = Architecture(FE, (4, 8), (InvertedResidual(3, 16, 12, (1, 2), False, GRN("channel")),), 10)
FRONT_END = "{mels: 40, frames: 17, n_fft: 1024, window: 1024, sample_rate: 16000}"


@pytest.fixture
def with_net(tiny_workspace: Workspace, tmp_path: Path) -> Callable[..., Workspace]:
    """A workspace with one embedding net of known weights among its teachers, and further settings."""
    net = onnx_net(tmp_path / "net.onnx", (40, 17), inputs=680)
    members = f"teachers.members=[crnn, {{name: little, embedding: {net}, tensor: hidden, front_end: {FRONT_END}}}]"

    def made(*settings: str) -> Workspace:
        changed = tiny_workspace.settings.changed([members, "distill.alpha=0", *settings])
        return replace(tiny_workspace, settings=changed)

    return made


def test_embeddings_are_those_of_each_clip(with_net: Callable[..., Workspace]) -> None:
    ws = with_net("distill.feature_weight=0.5")
    plain = distillation_data(ws, FE, None)
    data = with_embeddings(plain, ws)
    assert (
        data.feature_weight == 0.5 and data.embeddings is not None and data.embeddings.shape == (len(plain.train), SIZE)
    )
    found = hidden(plain.train.batch(np.arange(len(plain.train)))[:, 0].numpy())
    alike = np.abs((found - found.mean(0)) / np.maximum(found.std(0), 1e-9) - data.embeddings)
    assert alike.max() < 0.02, "the cached log-mels are of half precision"
    assert with_embeddings(plain, with_net()) is plain


def test_views_have_embeddings_of_their_own(with_net: Callable[..., Workspace]) -> None:
    ws = with_net(
        "distill.feature_weight=0.5", "distill.teacher_view=waveform", "distill.teacher_views=2", "augment.gain=20"
    )
    data = with_embeddings(with_waveform_views(distillation_data(ws, FE, None), ws, FE, None), ws)
    clean, *views = (data.embeddings, *(v.embeddings for v in data.waveform_views))
    assert clean is not None and len(views) == 2
    raw = hidden(data.train.batch(np.arange(len(data.train)))[:, 0].numpy())
    for view, e in zip(data.waveform_views, views, strict=True):
        assert e is not None and np.abs(e - clean).mean() > 0.05
        seen = hidden(view.features.batch(np.arange(len(data.train)))[:, 0].numpy())
        assert np.abs((seen - raw.mean(0)) / np.maximum(raw.std(0), 1e-9) - e).max() < 0.05
    batch = next(iter(data.batches(16, 0, 0)))
    assert batch.embeddings is not None and batch.embeddings.shape == (16, SIZE)
    assert next(iter(data.without_embeddings().batches(16, 0, 0))).embeddings is None


@pytest.mark.slow
def test_the_student_is_another_and_its_files_know_no_map(with_net: Callable[..., Workspace], tmp_path: Path) -> None:
    from hwasc.records import architecture

    architecture.save(tmp_path / "net.json", NET, {})
    for name, weight in (("plain", 0.0), ("matched", 1.0)):
        result = api.distill(with_net(f"distill.feature_weight={weight}"), tmp_path / "net.json", run=tmp_path / name)
        assert result.tflite.bytes > 0
    plain, matched = (load_weights(tmp_path / name / "float.safetensors") for name in ("plain", "matched"))
    assert plain.keys() == matched.keys() and not torch.equal(plain["head.conv.weight"], matched["head.conv.weight"])
    assert not [key for key in read_entries(tmp_path / "matched" / "float.safetensors") if "map" in key]


def test_what_cannot_be_matched_is_said(with_net: Callable[..., Workspace], tiny_workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no teacher with embeddings is named 'litle', did you mean 'little'"):
        feature_teacher(with_net("distill.feature_weight=1", "distill.feature_teacher=litle").settings)
    without = replace(tiny_workspace, settings=tiny_workspace.settings.changed(["distill.feature_weight=1"]))
    with pytest.raises(UsageError, match="none of the teachers has embeddings"):
        feature_teacher(without.settings)
    with pytest.raises(UsageError, match="feature_weight"):
        with_net("distill.feature_weight=-1")
