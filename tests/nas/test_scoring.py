"""The clips of first scores: every scene has its share, as hard as all of them, so scores on them are near those on all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwasc.errors import HwascError
from hwasc.nas.scoring import Scoring, representative_clips, scoring_from_settings
from hwasc.records.settings import Settings


def drawn(n: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the ensemble's logits, and how hard each clip is: the last two agree but for noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    hardness = rng.gamma(1.0, 1.0, n)
    logits = 0.3 * rng.normal(size=(n, classes))
    logits[np.arange(n), labels] += 4 - 2 * hardness
    return labels, logits.astype(np.float32), hardness


@given(st.integers(60, 900), st.integers(2, 12), st.integers(0, 9))
def test_every_scene_has_its_share(n: int, classes: int, seed: int) -> None:
    labels, logits, _ = drawn(n, classes, seed)
    rows = representative_clips(labels, logits, 50)
    assert rows is not None and len(rows) == 50 == len(set(rows.tolist()))
    assert list(rows) == sorted(rows)
    share = 50 / n
    found, whole = (np.bincount(x, minlength=classes) for x in (labels[rows], labels))
    assert (np.abs(found - share * whole) < 1.0 + 1e-9).all()


def test_no_more_clips_than_there_are() -> None:
    labels, logits, _ = drawn(40, 4, 0)
    assert representative_clips(labels, logits, 40) is None and representative_clips(labels, logits, 41) is None


def test_scores_on_them_are_nearer_to_those_on_all_than_on_random_ones() -> None:
    """Losses of a candidate: how hard a clip is, times how bad the candidate is, and noise of its own."""
    rng = np.random.default_rng(7)
    chosen, random = [], []
    for seed in range(60):
        labels, logits, hardness = drawn(600, 10, seed)
        losses = hardness * rng.uniform(0.5, 1.5) + 0.2 * rng.gamma(1.0, 1.0, 600)
        rows = representative_clips(labels, logits, 100)
        chosen.append(losses[rows].mean() - losses.mean())
        random.append(losses[rng.permutation(600)[:100]].mean() - losses.mean())
    assert np.std(chosen) < 0.75 * np.std(random)
    assert np.mean(chosen) == pytest.approx(0, abs=0.03)


def test_first_scores_are_as_the_settings_say() -> None:
    targets = Path("targets.npz")
    changed = [
        "proxy=distillation",
        "proxy_steps=3",
        "proxy_batch=8",
        "proxy_clips=90",
        "proxy_precision=float",
        "train.epochs=4",
    ]
    s = Settings.load(None, [f"search.{c}" for c in changed])
    assert scoring_from_settings(s, targets) == Scoring(
        proxy="distillation", targets=targets, train=s.search.train, steps=3, batch=8, clips=90, quantized=False
    )
    assert s.search.train.epochs == 4
    aware = scoring_from_settings(Settings.load(None, ["search.proxy_qat_steps=2"]), targets, "naswot")
    assert (aware.proxy, aware.quantized, aware.qat_steps, aware.qat) == ("naswot", True, 2, s.distill.qat)


@pytest.mark.parametrize(
    ("changed", "precision"),
    [
        ([], "float"),
        (["rescore=0", "refine=0"], "int8"),
        (["proxy_qat_steps=2"], "int8"),
        (["proxy_precision=int8"], "int8"),
        (["proxy_precision=float"], "float"),
    ],
)
def test_first_scores_are_of_float_nets_only_where_second_scores_follow(changed: list[str], precision: str) -> None:
    s = Settings.load(None, [f"search.{c}" for c in changed])
    assert s.search.decided().proxy_precision == precision
    assert s.search.decided().decided() == s.search.decided()
    assert scoring_from_settings(s, Path("targets.npz")).quantized is (precision == "int8")


def test_float_first_scores_need_second_scores() -> None:
    with pytest.raises(HwascError, match="proxy_precision: 'float' needs second scores"):
        Settings.load(None, ["search.proxy_precision=float", "search.rescore=0"])
