"""Online teachers: they get the student's clips with the same augmentation; what `distill` does with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from hwasc.ensemble.fusion import FittedEnsemble
    from hwasc.ensemble.online_teachers import OnlineEnsemble
    from hwasc.records.front_end import FrontEnd
    from hwasc.training.distillation import DistillationData
    from hwasc.workspace import Workspace

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def fused(tiny_workspace: Workspace) -> FittedEnsemble:
    from hwasc.ensemble.fusion import fuse

    return fuse(tiny_workspace)


def student_data(
    fused: FittedEnsemble, front_end: FrontEnd, **augment: object
) -> tuple[DistillationData, OnlineEnsemble]:
    """The data of a student with this front end and augmentation, and its online teachers."""
    from hwasc.ensemble.fusion import distillation_data
    from hwasc.ensemble.online_teachers import online_ensemble
    from hwasc.records.data_settings import AugmentSettings

    ws = fused.workspace
    settings = replace(ws.settings.distill, augment=AugmentSettings(**augment))  # type: ignore[arg-type]
    mine = replace(fused, workspace=replace(ws, settings=replace(ws.settings, distill=settings)))
    data = distillation_data(mine.workspace, front_end, None)
    view = online_ensemble(mine, data.train, front_end)
    return replace(data, targets=view), view


def other(fused: FittedEnsemble) -> FrontEnd:
    """A front end unlike the teachers'."""
    from hwasc.records.front_end import FrontEnd

    return FrontEnd.for_clip(20, 26, n_fft=1024, window=1024, sample_rate=16_000)


STILL = {"mixstyle_p": 0.0, "roll": 0.0, "mask": 0.0, "gain": 0.0, "response_p": 0.0}


def test_unchanged_clips_get_the_cached_targets(fused: FittedEnsemble) -> None:
    data, _ = student_data(fused, other(fused), **STILL)
    cached, rows = fused.targets(), []
    plain = replace(data, targets=np.arange(len(data.train), dtype=np.float32)[:, None])
    for (_, labels, soft, _), (_, same, index, _) in zip(data.batches(16, 0, 0), plain.batches(16, 0, 0), strict=True):
        chosen = index[:, 0].long().numpy()
        assert torch.equal(labels, same) and np.allclose(soft, cached[chosen], atol=1e-3)
        rows += chosen.tolist()
    assert len(set(rows)) == len(data.train) and np.abs(np.diff(cached, axis=0)).mean() > 1e-3


def test_teachers_of_the_same_front_end_get_the_same_batch(fused: FittedEnsemble) -> None:
    everything = {"mixstyle_p": 1.0, "mixup_p": 0.7, "noise_p": 0.7, "response_p": 0.7, "mask": 0.3, "roll": 0.3,
                  "equaliser_p": 0.7, "band_limit_p": 0.7}  # fmt: skip
    data, view = student_data(fused, fused.front_end, **everything)
    states: list[tuple[np.ndarray, torch.Tensor]] = []

    def spy(rows: np.ndarray, state: torch.Tensor) -> torch.Tensor:
        states.append((rows, state))
        return view(rows, state)

    batches = list(replace(data, targets=spy).batches(16, 0, 0))
    for (x, labels, soft, _), (rows, state) in zip(batches, states, strict=True):
        assert torch.equal(view.augmented(rows, state)[fused.front_end], x)
        assert labels.shape == soft.shape == (len(x), len(data.train.classes))
    without = replace(data, targets=None).batches(16, 0, 0)  # running them changes no random draw of the student's
    assert all(torch.equal(a[0], b[0]) for a, b in zip(batches, without, strict=True))


def test_teachers_of_another_front_end_get_the_same_change(fused: FittedEnsemble) -> None:
    """Rolled by the same time, louder by the same factor: seen in each clip's loudness over time and in all."""
    from hwasc.training.batches import Batch

    front_end = other(fused)
    still, _ = student_data(fused, front_end, **STILL)
    for name, value in (("roll", 0.5), ("gain", 20.0), ("mixup_p", 1.0)):
        data, view = student_data(fused, front_end, **{**STILL, name: value})
        rows = np.arange(32)
        state = torch.Generator().manual_seed(5).get_state()
        generator = torch.Generator()
        generator.set_state(state)
        assert data.augment is not None
        batch = Batch(data.train.batch(rows), torch.from_numpy(data.train.labels[rows]), None)
        mine = data.augment.batch(batch, data.train.devices[rows], generator, classes=10, temperature=1.0)[0]
        theirs = view.augmented(rows, state)[fused.front_end]
        before = still.train.batch(rows), fused.teachers.train.batch(rows)
        if name == "roll":
            found = [_shift(a, b) for a, b in zip((mine, theirs), before, strict=True)]
            apart = (found[0] - found[1] + 0.5) % 1 - 0.5
            assert float(apart.abs().median()) < 0.05 and float(found[0].std()) > 0.1
        else:
            change = [(a - b).mean((1, 2, 3)) for a, b in zip((mine, theirs), before, strict=True)]
            assert float(torch.corrcoef(torch.stack(change))[0, 1]) > 0.9


def test_epochs_repeat_and_teachers_run_once_for_each(fused: FittedEnsemble) -> None:
    from hwasc.ensemble.online_teachers import CachedOnlineEnsemble

    data, view = student_data(fused, fused.front_end, mixup_p=0.7)
    sizes: list[int] = []

    def spy(rows: np.ndarray, state: torch.Tensor) -> torch.Tensor:
        sizes.append(len(rows))
        return view(rows, state)

    repeating = replace(data, targets=CachedOnlineEnsemble(spy), views=2)
    epochs = [list(repeating.batches(16, 0, epoch)) for epoch in range(4)]
    assert sum(sizes) == 2 * len(data.train), "two views of every clip, however many epochs"
    for first, again, fresh in zip(epochs[1], epochs[3], data.batches(16, 0, 1), strict=True):
        for a, b, c in zip(first[:3], again[:3], fresh[:3], strict=True):
            assert a is not None and b is not None and c is not None
            assert torch.equal(a, b) and torch.allclose(a, c)
    assert not torch.equal(epochs[0][0][0], epochs[1][0][0])


def _shift(x: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    """By which share of the clip each is rolled: (B,)."""
    frames = x.shape[3]
    error = torch.stack([(x - of.roll(k, 3)).square().mean((1, 2, 3)) for k in range(frames)])
    return error.argmin(0) / frames


@pytest.mark.long
def test_distill_with_all_of_it(hwasc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hwasc.records import architecture as architectures
    from hwasc.records.architecture import Architecture
    from hwasc.records.blocks import GRN, InvertedResidual
    from hwasc.training import quantization

    held: list[int] = []
    hold = quantization.hold_scales
    monkeypatch.setattr(quantization, "hold_scales", lambda model: (held.append(1), hold(model))[1])
    a = Architecture(other(None), (4, 8), (InvertedResidual(3, 16, 8, (1, 1), True, GRN()),), 10)  # type: ignore[arg-type]
    architectures.save(tmp_path / "a.json", a, {})
    settings = ["reduction=mean", "qat.epochs=2", "qat_frozen_epochs=1", "train.epochs=1"]
    still, mixed = [f"augment.{k}={v}" for k, v in STILL.items()], ["augment.mixup_p=0.5", "augment.noise_p=0.5"]
    argv = ["distill", "--arch", tmp_path / "a.json", "--json"]
    losses = []
    same = ["teacher_view=augmented", "teacher_views=1"]
    for run, changes in enumerate(([*same, *still], still, [*same, *mixed], mixed)):
        chosen = [x for s in (*settings, *changes) for x in ("--set", f"distill.{s}")]
        status, out, err = hwasc(*argv, *chosen, "--run", tmp_path / f"r{run}", tiny=True)
        assert status == 0, err
        losses.append(np.array(json.loads(out)["losses"]["float"]))
    assert losses[0] == pytest.approx(losses[1], abs=1e-3), "nothing was augmented: the cached targets' loss"
    assert losses[2] != losses[3] and len(held) == 4, "one epoch of each run"
    status, _, err = hwasc(*argv, "--set", "distill.teacher_views=8", "--run", tmp_path / "v", tiny=True)
    assert status == 2 and "teacher_views: 0, or above 0 with teacher_view 'augmented' or" in err
    argv += ["--set", "distill.teacher_view=augmented"]
    (tmp_path / "beats.csv").touch()
    given = f"teachers=[crnn, {{name: beats, logits: {tmp_path / 'beats.csv'}}}]"
    status, _, err = hwasc(*argv, "--set", given, "--run", tmp_path / "o", tiny=True)
    assert status == 2 and "leave beats out of the teachers" in err
