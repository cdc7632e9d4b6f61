"""Batches: what is off changes no bit, what is on is drawn by the seed, labels and targets go with their clips."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from hwasc.audio import augmentation
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.front_end import FrontEnd
from hwasc.training.batches import Augment, Batch, training_batches

FE = FrontEnd.for_clip(12, 20, sample_rate=8000, n_fft=512, window=512)
DEVICES = np.array(["a", "b"] * 20)
RESPONSES = torch.linspace(-1, 1, 5)[:, None] * torch.linspace(-1, 1, 12)
TARGETS = np.random.default_rng(1).standard_normal((40, 3)).astype(np.float32)


class Fake(SimpleNamespace):
    def __len__(self) -> int:
        return 40

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        return self.x[rows]


FEATURES: Any = Fake(
    x=torch.randn(40, 1, 12, 20, generator=torch.Generator().manual_seed(0)),
    labels=np.arange(40) % 3,
    devices=DEVICES,
    classes=("x", "y", "z"),
)


def made(settings: AugmentSettings, epoch: int = 0, t: float = 2.0) -> list[Any]:
    augment = Augment(settings, RESPONSES, FE)
    return list(training_batches(FEATURES, TARGETS, batch=16, augment=augment, seed=0, epoch=epoch, temperature=t))


def test_noise_and_mixup_are_off_and_then_change_no_bit() -> None:
    """Today's batches are the augmentations of before, in their order, from the generator of before."""
    s = AugmentSettings()
    rng = np.random.default_rng([0, 0])
    g = torch.Generator().manual_seed(int(rng.integers(2**62)))
    order = rng.permutation(40)
    for (x, labels, soft, _), rows in zip(made(s), (order[:16], order[16:32], order[32:]), strict=True):
        y = FEATURES.x[rows]
        y = augmentation.device_response(y, g, RESPONSES, torch.from_numpy(DEVICES[rows] == "a"), s.response_p, FE)
        y = augmentation.time_roll(augmentation.gain(y, g, s.gain, FE), g, s.roll)
        y = augmentation.frequency_mask(augmentation.freq_mixstyle(y, g, s.mixstyle_alpha, s.mixstyle_p), g, s.mask)
        assert torch.equal(x, y) and np.array_equal(labels, rows % 3) and np.array_equal(soft, TARGETS[rows])


def test_noise_and_mixup_come_by_the_seed() -> None:
    for s in (AugmentSettings(noise_p=0.5), AugmentSettings(mixup_p=0.5)):
        first, again, other = made(s), made(s), made(s, epoch=1)
        plain = made(AugmentSettings())
        for a, b, c, p in zip(first, again, other, plain, strict=True):
            assert all(torch.equal(v, w) for v, w in zip(a[:3], b[:3], strict=True))
            assert not torch.equal(a[0], c[0]) and not torch.equal(a[0], p[0])


def test_labels_and_targets_are_mixed_as_the_clips_are() -> None:
    still = AugmentSettings(0.0, roll=0.0, mask=0.0, gain=0.0, response_p=0.0, mixup_p=1.0)
    for x, labels, soft, _ in made(still, t=2.0):
        assert labels.shape == soft.shape == (len(x), 3) and torch.allclose(labels.sum(1), torch.ones(len(x)))
        # the shares that explain the clip, found among all pairs, explain label and target
        for i in range(len(x)):
            a, b = np.triu_indices(40, 1)
            one, two = FEATURES.x[a].flatten(1), FEATURES.x[b].flatten(1)
            share = (((x[i].flatten() - two) * (one - two)).sum(1) / (one - two).square().sum(1)).clamp(0, 1)[:, None]
            best = int((share * one + (1 - share) * two - x[i].flatten()).square().sum(1).argmin())
            v, pair = float(share[best]), (a[best], b[best])
            eye, p = torch.eye(3), torch.softmax(torch.from_numpy(TARGETS) / 2, 1)
            for found, each in (
                (labels[i], eye[FEATURES.labels[list(pair)]]),
                (torch.softmax(soft[i] / 2, 0), p[list(pair)]),
            ):
                assert torch.allclose(found, v * each[0] + (1 - v) * each[1], atol=1e-4)


def test_the_same_draws_in_another_front_end() -> None:
    """From the same generator, another front end leaves it as far, and mixes the same clips by the same shares."""
    s = AugmentSettings(1.0, mixup_p=0.5, noise_p=0.5, response_p=0.5)
    small = FrontEnd.for_clip(6, 9, sample_rate=8000, n_fft=512, window=512)
    states, shares = [], []
    for fe, drawn_in in ((FE, None), (small, FE)):
        g = torch.Generator().manual_seed(3)
        augment = Augment(s, RESPONSES[:, : fe.mels], fe, drawn_in)
        x = torch.randn(16, 1, fe.mels, fe.frames, generator=torch.Generator().manual_seed(1))
        _, labels, *_ = augment.batch(Batch(x, torch.arange(16), None), DEVICES[:16], g, classes=16, temperature=1.0)
        states.append(g.get_state())
        shares.append(labels)
    assert torch.equal(*states) and torch.equal(*shares) and bool((shares[0] < 1).all(1).any())
    x = FEATURES.x[:16]
    still = replace(s, noise_p=0.0)
    one, two = (Augment(still, RESPONSES, FE, d)(x, DEVICES[:16], torch.Generator().manual_seed(3)) for d in (None, FE))
    assert torch.equal(one, two)
