"""The contract of every proxy, and each cheap one against a small case computed by hand."""

from __future__ import annotations

import dataclasses
import math
import pickle

import numpy as np
import pytest
import torch

from hwasc.cost import measure
from hwasc.models import student
from hwasc.nas import job, proxies
from hwasc.nas.job import Candidate
from hwasc.nas.proxies import untrained
from hwasc.parts import PROXIES
from hwasc.records.train_settings import TrainSettings
from hwasc.training.distillation import DistillationData
from hwasc.training.loss import clip_losses, distillation_loss
from hwasc.training.metrics import macro_accuracy

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", PROXIES.names())
def test_contract(name: str, candidates: list[Candidate]) -> None:
    """Finite, the same again and after a journey between processes, different for different candidates."""
    first, second = (dataclasses.replace(c, proxy=name) for c in candidates)
    score = proxies.score(first)
    torch.manual_seed(99)  # the global generator decides nothing
    again = proxies.score(pickle.loads(pickle.dumps(first)))
    assert math.isfinite(score.value) and score.seconds >= 0
    assert (again.value, again.float_accuracy, again.standard_error) == (
        score.value, score.float_accuracy, score.standard_error,
    )  # fmt: skip
    if proxies.measures_accuracy(name):
        assert 0 < score.value < 1 and score.accuracy is not None
        assert (score.float_accuracy is None) == (name == "supernet")
        assert score.standard_error == pytest.approx(
            math.sqrt(score.accuracy * (1 - score.accuracy) / len(first.validation))
        )
        assert score.value_error is not None and 0 < score.value_error < score.value
        alone = proxies.score(dataclasses.replace(first, ensemble=None))  # labels alone judge
        assert alone.accuracy == score.accuracy and alone.value != score.value
    else:
        assert score.accuracy is None and score.float_accuracy is None and proxies.score(second).value != score.value


def test_the_value_is_that_of_the_distillation_loss_on_validation_clips(
    candidates: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    c = dataclasses.replace(candidates[0], proxy="supernet")
    assert c.ensemble is not None
    logits = np.random.default_rng(5).standard_normal((len(c.validation), 10)).astype(np.float32)
    monkeypatch.setattr(job, "predict", lambda *_, **__: logits)
    y, labels, ensemble = torch.from_numpy(logits), torch.from_numpy(c.validation.labels), torch.from_numpy(c.ensemble)
    weights = {"alpha": c.data.alpha, "temperature": c.data.temperature}
    loss = distillation_loss(y, labels, ensemble, **weights)
    found = proxies.score(c)
    assert found.value == pytest.approx(math.exp(-float(loss)), rel=1e-5)
    assert found.accuracy == macro_accuracy(y.argmax(1), labels, 10)
    again = np.exp(-np.array([
        float(clip_losses(y[rows], labels[rows], ensemble[rows], **weights).mean())
        for rows in np.random.default_rng(0).integers(len(labels), size=(4_000, len(labels)))
    ]))  # fmt: skip
    assert found.value_error == pytest.approx(again.std(), rel=0.1)  # bootstrap over clips


def test_costs_are_the_measured_ones(candidates: list[Candidate]) -> None:
    c = candidates[0]
    costs = measure(c.proposal.architecture)
    assert proxies.score(dataclasses.replace(c, proxy="parameters")).value == costs.parameters
    assert proxies.score(dataclasses.replace(c, proxy="macs")).value == costs.macs.torchinfo


def test_qat_steps_train_on_no_more_clips_than_asked(
    candidates: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:

    taken = []
    monkeypatch.setattr(
        job, "train_student", lambda net, data, settings, **rest: taken.append((data.rows, settings.epochs))
    )
    c = dataclasses.replace(candidates[0], proxy="supernet", qat=TrainSettings(3, 32), qat_steps=2)
    proxies.score(c)
    proxies.score(dataclasses.replace(c, qat_steps=0))
    assert len(taken[0][0]) == 64 and taken[0][1] == 1 and taken[1] == (None, 3)


def test_a_slice_trains_by_itself_for_the_steps_asked_on_clean_clips(
    candidates: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hwasc.nas.proxies import supernet

    taken = []

    def train_student(
        net: torch.nn.Module, data: DistillationData, settings: TrainSettings, **rest: object
    ) -> torch.nn.Module:
        assert data.rows is not None
        taken.append((len(data.rows), data.augment, settings.batch))
        return original(net, data, settings, **rest)  # type: ignore[arg-type]

    original = supernet.train_student
    monkeypatch.setattr(supernet, "train_student", train_student)
    c = dataclasses.replace(candidates[0], proxy="supernet")
    before = proxies.score(c)
    after = proxies.score(dataclasses.replace(c, steps=2))
    proxies.score(dataclasses.replace(c, steps=2, batch=8))
    assert taken == [(32, None, 16), (16, None, 8)]
    assert (after.value, after.float_accuracy) != (before.value, before.float_accuracy)


def test_batch_norm_is_set_after_the_own_steps(candidates: list[Candidate], monkeypatch: pytest.MonkeyPatch) -> None:
    """The running mean over the few clips of these steps is noisy: statistics are those of clips that pass the trained net."""
    from hwasc.nas.proxies import supernet

    trained: list[student.Student] = []
    original = supernet.train_student

    def train_student(model, *args, **kwargs):  # type: ignore[no-untyped-def]
        trained.append(original(model, *args, **kwargs))
        return trained[-1]

    monkeypatch.setattr(supernet, "train_student", train_student)
    c = dataclasses.replace(candidates[0], proxy="supernet", steps=3, quantized=False)
    proxies.score(c)
    norms = [m for m in trained[0].modules() if isinstance(m, torch.nn.BatchNorm2d)]
    found = [m.running_mean.clone() for m in norms if m.running_mean is not None]
    seen: list[torch.Tensor] = []
    hook = norms[0].register_forward_pre_hook(lambda _, x: seen.append(x[0].mean((0, 2, 3))))
    supernet.recalibrate(trained[0], job.calibration_batches(c.data.train, c.seed, supernet.NORM_CLIPS))
    hook.remove()
    again = [m.running_mean for m in norms if m.running_mean is not None]
    assert all(torch.equal(a, b) for a, b in zip(found, again, strict=True))
    torch.testing.assert_close(found[0], torch.stack(seen).mean(0))


def test_synflow_of_a_net_is_the_sum_over_its_weights(candidates: list[Candidate]) -> None:
    """Every path from input to output multiplies |weights|; R is homogeneous in each layer, so that sum(w dR/dw) = R by layer."""
    torch.manual_seed(0)
    a = dataclasses.replace(candidates[0].proposal.architecture)
    net = student.build(a).eval().double()
    x = torch.ones(1, 1, a.front_end.mels, a.front_end.frames, dtype=torch.float64)
    value = untrained.synflow(net, x)
    layer = net.stem[0].conv.weight
    assert layer.grad is not None and float((layer * layer.grad).sum()) == pytest.approx(float(net(x).sum()), rel=1e-9)
    assert math.exp(value) > float(net(x).sum())


def test_naswot_counts_agreeing_units() -> None:
    class Relu(torch.nn.Module):
        relu = True

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x)

    x = torch.tensor([[1.0, -1.0, 2.0], [1.0, 1.0, 2.0]])
    value = untrained.naswot(torch.nn.Sequential(Relu()), x)  # type: ignore[arg-type]
    assert value == pytest.approx(math.log(3 * 3 - 2 * 2))


def test_jacobian_prefers_inputs_that_are_told_apart() -> None:
    class Mixed(torch.nn.Module):
        def __init__(self, same: bool) -> None:
            super().__init__()
            self.same = same

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            weights = torch.ones(4, 8) if self.same else torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
            return (x * weights * (1 + 0.01 * torch.arange(8))).sum(1)

    x = torch.zeros(4, 8)
    assert untrained.jacobian(Mixed(False), x) > untrained.jacobian(Mixed(True), x)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [n for n in PROXIES.names() if proxies.measures_accuracy(n)])
def test_a_score_without_quantization_is_that_of_the_same_float_net(name: str, candidates: list[Candidate]) -> None:
    c = dataclasses.replace(candidates[0], proxy=name, by_clip=True)
    int8, exact = proxies.score(c), proxies.score(dataclasses.replace(c, quantized=False))
    assert int8.quantized and not exact.quantized
    assert exact.accuracy == exact.float_accuracy
    if int8.float_accuracy is not None:
        assert exact.accuracy == int8.float_accuracy
    assert int8.losses is not None and exact.losses is not None
    steps = np.abs(np.subtract(int8.losses, exact.losses))
    assert 0 < steps.mean() < 0.1, "quantization moves the losses, a little"
    assert exact.value == pytest.approx(int8.value, rel=0.1)


def test_a_score_of_some_clips_is_the_mean_of_their_losses(candidates: list[Candidate]) -> None:
    whole = dataclasses.replace(candidates[0], proxy="supernet", quantized=False, by_clip=True)
    rows = np.arange(1, len(whole.validation), 3)
    part = proxies.score(dataclasses.replace(whole, rows=rows))
    losses, right = proxies.score(whole).losses, proxies.score(whole).right
    assert losses is not None and right is not None
    assert part.losses == pytest.approx(np.array(losses)[rows], abs=1e-5)
    assert part.right == tuple(np.array(right)[rows].tolist())
    assert part.value == pytest.approx(math.exp(-np.mean(np.array(losses)[rows])), rel=1e-5)
