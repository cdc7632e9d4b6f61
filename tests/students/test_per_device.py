"""A student for each recording device: trained on its clips alone, chosen by its validation clips, the general one for others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hwasc as api
from hwasc.ensemble.fusion import distillation_data
from hwasc.records import architecture
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.students.per_device import device_workspace, fine_tune, folder_name
from hwasc.students.result import DistillResult
from hwasc.training.batches import training_batches
from hwasc.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]
NET = Architecture(
    FrontEnd.for_clip(40, 17, n_fft=1024, window=1024, sample_rate=16_000),
    (4, 8),
    (InvertedResidual(3, 16, 12, (1, 2), False, GRN("channel")),),
    10,
)
SETTINGS = ["distill.alpha=0", "distill.train.epochs=8", "distill.qat.epochs=1", "distill.device_train.epochs=3",
            "distill.device_train.lr=0.01", "distill.device_clips=6"]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Workspace) -> Path:
    """The run folder of a general student and of those of its devices."""
    folder = tmp_path_factory.mktemp("per_device")
    architecture.save(folder / "net.json", NET, {})
    ws = replace(tiny_workspace, settings=tiny_workspace.settings.changed(SETTINGS))
    api.distill(ws, folder / "net.json", run=folder / "run", per_device=True)
    return folder


@pytest.mark.slow
def test_each_device_with_enough_clips_has_a_student(hwasc: Run, made: Path, tiny_workspace: Workspace) -> None:
    result = DistillResult.read(made / "run")
    devices = result.devices
    assert devices is not None
    clips = [c.device for c in tiny_workspace.dataset.train]
    held_out = [c.device for c in tiny_workspace.dataset.validation]
    enough = {d for d in clips if clips.count(d) >= 6 and d in held_out}
    assert {s.device for s in devices.students} == enough and len(enough) > 1
    assert set(devices.too_few) == set(clips) - enough and "s4" not in set(devices.too_few), "s4 has no training clips"
    for s in devices.students:
        assert s.clips == clips.count(s.device) and s.validation.clips == held_out.count(s.device)
        assert s.chosen == (s.tflite is not None) and (not s.chosen or s.validation.own >= s.validation.general)
        assert s.test is not None and s.test.general == pytest.approx(result.test.int8.per_device[s.device])
        found = devices.test.per_device[s.device]
        assert found == pytest.approx(s.test.own if s.chosen else s.test.general)
        if s.tflite:
            status, out, err = hwasc("evaluate", "--model", made / "run" / s.weights, "--json", tiny=True)
            assert status == 0, err
            assert json.loads(out)["metrics"]["per_device"][s.device] == pytest.approx(s.test.own, abs=0.15)
            assert (made / "run" / s.tflite).stat().st_size == pytest.approx(result.tflite.bytes, rel=0.05)
    for device in set(result.test.int8.per_device) - {s.device for s in devices.chosen}:
        assert devices.test.per_device[device] == result.test.int8.per_device[device]
    assert devices.chosen, "the test means something"
    page = (made / "run" / "report.html").read_text()
    assert "Students of single devices" in page and "DCASE 2025 counts each model by itself" in page


@pytest.mark.slow
def test_the_same_command_resumes_and_prints_each_device(hwasc: Run, made: Path) -> None:
    written = (made / "run" / "result.json").read_text()
    arguments = [x for s in SETTINGS for x in ("--set", s)]
    command = ("distill", "--arch", made / "net.json", "--run", made / "run", *arguments)
    status, out, err = hwasc(*command, "--per-device", tiny=True)
    assert status == 0, err
    again = json.loads((made / "run" / "result.json").read_text())
    assert {k: v for k, v in again.items() if k != "environment"} == {
        k: v for k, v in json.loads(written).items() if k != "environment"
    }
    devices = DistillResult.read(made / "run").devices
    assert devices is not None and all(f"device {s.device}: validation" in out for s in devices.students)
    assert "each student is a whole model of" in out and "too few clips, the general student remains: " in out
    shutil.copytree(made / "run", made / "general")
    status, out, err = hwasc(*command[:4], made / "general", *arguments, tiny=True)
    assert status == 0 and "device a" not in out and DistillResult.read(made / "general").devices is None


def test_a_device_is_trained_on_its_clips_without_those_of_other_devices(tiny_workspace: Workspace) -> None:
    loud = tiny_workspace.settings.changed(
        ["augment.equaliser_p=0.5", "augment.response_p=0.5", "distill.train.lr=0.02"]
    )
    ws = device_workspace(replace(tiny_workspace, settings=loud))
    d = ws.settings.distill
    assert d.train == d.device_train and d.augment is not None
    assert d.augment.response_p == d.augment.equaliser_p == d.augment.band_limit_p == 0 and d.augment.roll > 0
    features = ws.features(ws.dataset.train, NET.front_end, "train")
    rows = np.flatnonzero(features.devices == "a")
    names = [features.labels[r] for r in rows]
    seen = [
        int(v)
        for b in training_batches(features, None, batch=8, augment=None, seed=0, epoch=0, rows=rows)
        for v in b.labels
    ]
    assert sorted(seen) == sorted(map(int, names))


def test_validation_clips_of_the_device_decide(
    tiny_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same student is no worse; one that names one scene always is worse, and one that knows the scenes is better."""
    ws = replace(tiny_workspace, settings=tiny_workspace.settings.changed(SETTINGS))
    data = distillation_data(ws, NET.front_end, None)
    clips = ws.features(ws.dataset.validation, NET.front_end, "validation")
    trained_on: dict[str, set[str]] = {}

    class Named(torch.nn.Module):
        def __init__(self, right: bool | None) -> None:
            super().__init__()
            self.architecture, self.right = NET, right

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            known = {
                row.numpy().tobytes(): int(y)
                for row, y in zip(clips.batch(np.arange(len(clips))), clips.labels, strict=True)
            }
            y = torch.tensor([known[row.contiguous().numpy().tobytes()] for row in x])
            if self.right is None:  # right for every other scene
                y = torch.where(y % 2 == 0, y, (y + 1) % 10)
            return 5.0 * torch.nn.functional.one_hot(y if self.right is not False else 0 * y, 10)

    general: Any = Named(None)
    own = {"a": Named(True), "c": Named(False), "s2": general}

    def train(_: Any, d: Any, model: Any, run: Path, **__: Any) -> Any:
        device = run.name
        trained_on[device] = set(d.train.devices[d.rows].tolist())
        return own[device], []

    monkeypatch.setattr("hwasc.students.per_device.train_float", train)
    monkeypatch.setattr("hwasc.students.per_device.train_int8", train)
    tuned, too_few = fine_tune(device_workspace(ws), data, (general, general), run=tmp_path, clips=ws.training_clips)
    assert {t.device: t.chosen for t in tuned} == {"a": True, "c": False, "s2": True}
    assert trained_on == {d: {d} for d in own} and too_few.keys() == {"b", "s1", "s3"}
    by_device = {t.device: t.validation for t in tuned}
    assert by_device["a"].own == 1 > by_device["a"].general and by_device["s2"].own == by_device["s2"].general


def test_folder_names() -> None:
    assert folder_name("s1") == "s1" and folder_name("..") == "%2E%2E" and "/" not in folder_name("a/../b c")
    assert len({folder_name(d) for d in ("a b", "a_b", "a/b", "a%2Fb")}) == 4
