"""Probes against scikit-learn, numbers, and what regularisation and scale are for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hwasc.data.clips import Clip
from hwasc.ensemble.embedding.probe import Kind, fit_probe, load_probe, save_probe
from hwasc.errors import DataError

CLASSES, SIZE = 3, 20


def data(count: int, *, seed: int, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, list[Clip]]:
    """Embeddings of unlike scales: a centre a class, a shift a location, noise; one number is constant."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(0, 1, (CLASSES, SIZE))
    locations = rng.integers(0, 4, count)
    labels = rng.choice(CLASSES, count, p=[0.6, 0.3, 0.1])
    shift = rng.normal(0, 0.7, (4 * CLASSES, SIZE))
    x = centres[labels] + shift[4 * labels + locations] + rng.normal(0, noise, (count, SIZE))
    x *= np.geomspace(0.01, 100, SIZE)
    x[:, 3] = 7.0
    clips = [
        Clip(id=str(i), path=Path(str(i)), start=0, seconds=1, scene=str(c), location=f"{c}-{k}", device="a")
        for i, (c, k) in enumerate(zip(labels, locations, strict=True))
    ]
    return x.astype(np.float32), labels, clips


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
def test_a_probe_decides_as_scikit_learn_at_its_penalty(kind: Kind) -> None:
    x, labels, clips = data(240, seed=1)
    probe = fit_probe(x, labels, clips, classes=CLASSES, kind=kind, seed=0)
    alpha = probe.penalty * len(x)
    reference = (
        RidgeClassifier(alpha=alpha, class_weight="balanced")
        if kind == "ridge"
        else LogisticRegression(C=1 / alpha, class_weight="balanced", max_iter=2000)
    )
    other = make_pipeline(StandardScaler(), reference).fit(x.astype(np.float64), labels)
    fresh = data(200, seed=2)[0]
    np.testing.assert_array_equal(probe.logits(fresh).argmax(1), other.predict(fresh.astype(np.float64)))


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
def test_logits_are_calibrated_at_new_locations(kind: Kind) -> None:
    x, labels, clips = data(400, seed=1)
    probe = fit_probe(x, labels, clips, classes=CLASSES, kind=kind, seed=0)
    fresh, known, _ = data(2000, seed=3)
    weights = 1 / np.bincount(known)[known]
    losses = {
        s: log_loss(known, softmax(s * probe.logits(fresh).astype(np.float64)), sample_weight=weights)
        for s in (0.25, 0.5, 1, 2, 4)
    }
    assert losses[1] < min(np.log(CLASSES), losses[0.25], losses[4])
    assert losses[1] < 1.15 * min(losses.values())


@pytest.mark.slow
def test_the_scale_is_right_with_few_places_of_many_clips() -> None:
    """The clips of a place share most of what misleads; still new places have a loss below that of a uniform guess."""
    rng, below, share = np.random.default_rng(0), 0, []
    centres = rng.normal(0, 0.25, (CLASSES, SIZE))

    def places(count: int) -> tuple[np.ndarray, np.ndarray, list[Clip]]:
        labels = np.repeat(np.arange(count) % CLASSES, 25)
        x = centres[labels] + np.repeat(rng.normal(0, 1, (count, SIZE)), 25, 0) + rng.normal(0, 0.3, (25 * count, SIZE))
        names = [(str(c), f"{k // 25}") for k, c in enumerate(labels)]
        clips = [
            Clip(id=str(i), path=Path("a"), start=i, seconds=1, scene=c, location=k, device="a")
            for i, (c, k) in enumerate(names)
        ]
        return x.astype(np.float32), labels, clips

    fresh, known, _ = places(300)
    for seed in range(12):
        x, labels, clips = places(30)
        logits = fit_probe(x, labels, clips, classes=CLASSES, kind="ridge", seed=seed).logits(fresh).astype(np.float64)
        losses = {s: log_loss(known, softmax(s * logits)) for s in np.geomspace(0.1, 10, 41)}
        below += log_loss(known, softmax(logits)) < np.log(CLASSES)
        share.append(min(losses, key=lambda s: losses[s]))
    assert below >= 11
    assert 0.6 < np.median(share) < 1.6  # what the logits would have to be multiplied by


def test_a_probe_on_noise_is_not_sure_of_itself() -> None:
    x, labels, clips = data(120, seed=1)
    noise = np.random.default_rng(0).normal(0, 1, x.shape).astype(np.float32)
    useless = fit_probe(noise, labels, clips, classes=CLASSES, kind="ridge", seed=0)
    spread = softmax(useless.logits(noise).astype(np.float64)).max(1).mean()
    assert spread < 0.6


def test_folds_without_a_class_and_single_locations(tmp_path: Path) -> None:
    x, labels, clips = data(60, seed=1)
    two = labels < 2
    some = [c for c, keep in zip(clips, two, strict=True) if keep]
    for kind in ("ridge", "logistic"):
        probe = fit_probe(x[two], labels[two], some, classes=CLASSES, kind=kind, seed=0)
        assert probe.logits(x).shape == (60, CLASSES) and probe.logits(x[two]).argmax(1).max() == 1
    one_place = [Clip(**{**{f: getattr(c, f) for f in c.__dataclass_fields__}, "location": "p"}) for c in clips]
    fit_probe(
        x, labels, one_place, classes=CLASSES, kind="ridge", seed=0
    )  # nothing to choose by: the middle of the grid
    save_probe(tmp_path / "p.safetensors", probe, {"probe": "logistic"})
    np.testing.assert_array_equal(load_probe(tmp_path / "p.safetensors").logits(x), probe.logits(x))
    (tmp_path / "p.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(DataError):
        load_probe(tmp_path / "p.safetensors")
