"""Models of transformers that are trained further: tiny ones, made here, offline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hwasc.data.clips import Clip
from hwasc.data.features import Features, extract
from hwasc.ensemble.fine_tuned_net import FineTunedNet, FineTunedSpec, fine_tuned_logits, load_fine_tuned
from hwasc.ensemble.fine_tuned_teacher import FineTuningJob
from hwasc.records.front_end import FrontEnd
from hwasc.records.teacher_settings import Member
from hwasc.records.train_settings import TrainSettings
from tests.ensemble.embedding.little_models import ast_model, wav2vec2_model

pytest.importorskip("transformers")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Features:
    """Two classes: low and high tones in noise."""
    folder, rng, clips = tmp_path_factory.mktemp("tones"), np.random.default_rng(0), []
    for i in range(24):
        hertz = (300, 3000)[i % 2] * rng.uniform(0.8, 1.25)
        sound = 0.2 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000) + 0.01 * rng.standard_normal(16_000)
        soundfile.write(folder / f"{i}.wav", sound, 16_000)
        scene = ("low", "high")[i % 2]
        clips.append(
            Clip(id=str(i), path=folder / f"{i}.wav", start=0, seconds=1, scene=scene, location=str(i), device="a")
        )
    return extract(clips, ("low", "high"), FrontEnd.for_clip(8, 5), folder / "cache")


def job(features: Features, folder: Path, model: Path, *, epochs: int, seed: int = 0) -> FineTuningJob:
    return FineTuningJob(
        name="tuned",
        spec=FineTunedSpec(folder=model, seconds=1, classes=2),
        train=features,
        rows=np.arange(16),
        settings=TrainSettings(epochs, 8, 5e-3, 0),
        seed=seed,
        device="cpu",
        weights=folder / "fold0.safetensors",
        record="{}",
    )


@pytest.mark.slow
@pytest.mark.parametrize("make", [ast_model, wav2vec2_model])
def test_the_whole_model_learns(make: Callable[[Path], Path], tones: Features, tmp_path: Path) -> None:
    model = make(tmp_path / "model")
    task = job(tones, tmp_path / "first", model, epochs=12)
    task.run()
    net = load_fine_tuned(task.weights, task.spec)
    logits = fine_tuned_logits(net, tones.clips[16:], None, CPU)
    assert (logits.argmax(1) == tones.labels[16:]).mean() >= 0.75
    before = FineTunedNet(task.spec).state_dict()
    moved = [
        n for n, value in net.state_dict().items() if value.is_floating_point() and not torch.equal(value, before[n])
    ]
    assert any(name.startswith("body.") for name in moved) and "head.weight" in moved
    assert [p.name for p in task.weights.parent.iterdir()] == [task.weights.name], "no waveforms are left"
    again = job(tones, tmp_path / "again", model, epochs=12)
    again.run()
    assert task.weights.read_bytes() == again.weights.read_bytes(), "the same seed gives the same weights"
    other = job(tones, tmp_path / "other", model, epochs=1, seed=1)
    other.run()
    assert other.weights.read_bytes() != again.weights.read_bytes()


def test_settings_go_with_what_is_trained() -> None:
    with pytest.raises(ValueError, match="context, probe cannot go with `fine_tune: true`"):
        Member(name="a", hf="x", fine_tune=True, context=1, probe="ridge")
    with pytest.raises(ValueError, match="seed, train goes with `fine_tune: true` alone"):
        Member(name="a", hf="x", seed=1, train=TrainSettings())
    with pytest.raises(ValueError, match="'family', which fine_tune cannot go with"):
        Member(name="a", family="crnn", fine_tune=True)
