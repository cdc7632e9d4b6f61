"""Feature distillation: the loss against its definition and numeric gradients, a map that only training knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hwasc.models.student import Student, build
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.front_end import FrontEnd
from hwasc.records.train_settings import TrainSettings
from hwasc.training.batches import Augment, Batch, rank_slice
from hwasc.training.distillation import DistillationData, train_student
from hwasc.training.feature_distillation import StudentWithMap, cosine_loss, standardised
from hwasc.training.loop import predict

CPU = torch.device("cpu")
FE = FrontEnd.for_clip(12, 20, sample_rate=8000, n_fft=512, window=512)


class Clips(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: np.ndarray) -> Tensor:
        return self.x[rows]


def clips(count: int = 48) -> Any:
    """Each clip is louder in a band of its own."""
    x = 0.3 * torch.randn(count, 1, 12, 20, generator=torch.Generator().manual_seed(0))
    for i in range(count):
        x[i, 0, i % 12] += 2
    return Clips(x=x, labels=np.arange(count) % 2, devices=np.array(["a"] * count), classes=("x", "y"))


def embeddings(count: int = 48) -> np.ndarray:
    """A direction for each of the twelve bands."""
    directions = np.random.default_rng(0).standard_normal((12, 6))
    x = directions[np.arange(count) % 12] + 100
    return standardised(x, x)


def data(weight: float = 1.0, augment: Augment | None = None) -> DistillationData:
    return DistillationData(clips(), None, augment, 0.0, 1.0, embeddings=embeddings(), feature_weight=weight)


def student() -> Student:
    torch.manual_seed(0)
    return build(Architecture(FE, (4, 8), (InvertedResidual(3, 16, 12, (1, 1), False, GRN()),), 2))


def mean_cosine(model: StudentWithMap) -> float:
    out = torch.from_numpy(predict(model, clips(), CPU))
    return float(1 - cosine_loss(out[:, 2:], torch.from_numpy(embeddings())))


def test_the_loss_is_its_definition_with_numeric_gradients() -> None:
    g = torch.Generator().manual_seed(1)
    outputs = torch.randn(5, 2 + 6, generator=g, dtype=torch.float64, requires_grad=True)
    target, labels = torch.randn(5, 6, generator=g, dtype=torch.float64), torch.tensor([0, 1, 0, 1, 1])
    d = data(0.3)
    batch = Batch(torch.zeros(5), labels, embeddings=7 * target)  # their length does not count
    a, b = outputs[:, 2:], target
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    expected = torch.nn.functional.cross_entropy(outputs[:, :2], labels) + 0.3 * (1 - cosine).mean()
    assert float(d.loss(outputs, batch)) == pytest.approx(float(expected))
    assert torch.autograd.gradcheck(lambda y: d.loss(y, batch), (outputs,))


def test_features_come_to_point_where_the_embeddings_do() -> None:
    model = StudentWithMap(student(), 6, seed=0)
    before = mean_cosine(model)
    trained = {
        w: train_student(student(), data(w), TrainSettings(25, 16, 1e-2), device=CPU, seed=0) for w in (0.0, 2.0)
    }
    explained = {}
    for weight, net in trained.items():  # by the best linear map of each student's features
        features = net.features(clips().x).mean((2, 3)).detach().numpy()
        features = np.concatenate([features, np.ones((len(features), 1))], 1)
        fitted = features @ np.linalg.lstsq(features, embeddings(), rcond=None)[0]
        explained[weight] = float(1 - ((fitted - embeddings()) ** 2).mean())
    assert before < 0.5 and explained[2.0] > explained[0.0] + 0.1
    assert trained[2.0].state_dict().keys() == student().state_dict().keys()


def test_resumed_training_equals_an_unbroken_one_and_the_map_is_in_the_checkpoint(tmp_path: Path) -> None:
    settings = TrainSettings(4, 16, 1e-2)
    whole = train_student(student(), data(), settings, device=CPU, seed=0)

    def stop(epoch: int, _: float) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    path = tmp_path / "c.ckpt"
    with pytest.raises(KeyboardInterrupt):
        train_student(student(), data(), settings, device=CPU, seed=0, checkpoint=path, on_epoch=stop)
    resumed = train_student(student(), data(), settings, device=CPU, seed=0, checkpoint=path)
    assert all(torch.equal(v, whole.state_dict()[k]) for k, v in resumed.state_dict().items())


def test_the_map_depends_on_its_seed_alone_and_leaves_torchs_generator() -> None:
    net = student()
    state = torch.get_rng_state()
    first, again, other = (StudentWithMap(net, 6, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.map.weight, again.map.weight) and not torch.equal(first.map.weight, other.map.weight)
    x = clips(4).x
    with torch.no_grad():
        assert torch.equal(first.eval()(x)[:, :2], net.eval()(x))


def test_embeddings_go_with_their_clips_and_are_mixed_as_they_are() -> None:
    still = AugmentSettings(0.0, roll=0.0, mask=0.0, gain=0.0, response_p=0.0, mixup_p=1.0, mixup_alpha=1.0)
    d = data(augment=Augment(still, None, FE))
    d = replace(d, embeddings=d.train.x.flatten(1).numpy())
    for batch in d.batches(16, 0, 0):
        assert batch.embeddings is not None and torch.allclose(batch.embeddings, batch.logmel.flatten(1), atol=1e-6)
        halves = [rank_slice(batch, rank, 2)[0].embeddings for rank in (0, 1)]
        assert torch.equal(torch.cat([h for h in halves if h is not None]), batch.embeddings)


def test_standardised() -> None:
    x = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float16) * 4 + 7
    x[:, 1] = 5
    y = standardised(x, x)
    assert np.allclose(y.mean(0), 0, atol=1e-5) and np.allclose(y.std(0), [1, 0, 1], atol=1e-4)
    assert np.allclose(standardised(x[:3], x), y[:3]) and not standardised(x + 1, x)[:, 1].any()
