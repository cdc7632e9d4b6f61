"""A classifier against `evaluate`'s features and runtimes: files, arrays and sound as it comes give the same."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import hwasc
from hwasc.audio.microphone import microphone
from hwasc.data.clips import Clip
from hwasc.data.features import Features, extract
from hwasc.deploy.exporting import export
from hwasc.deploy.runtimes import choose
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.students.classifier import Classifier, at_full_scale
from hwasc.students.prediction import Skipped, Window
from hwasc.testing import examples

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    student = examples.int8_student(examples.features(root / "features", examples.FRONT_END))
    weights = examples.write_weights(student, root / "int8.safetensors")
    return {".safetensors": weights} | {
        suffix: export(weights, root / f"student{suffix}", format=name)
        for suffix, name in ((".onnx", "onnx"), (".tflite", "tflite"))
    }


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "walk.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal((100_000, 2)), 22_050)
    return path


def expected(model: Path, path: Path, starts: list[float], cache: Path) -> np.ndarray:
    opened = choose(model, None).open(model, device=CPU, workers=1)
    fe, scene = opened.architecture.front_end, opened.classes[0]
    clips = [
        Clip(id=str(s), path=path, start=s, seconds=fe.seconds, scene=scene, location="x", device="a") for s in starts
    ]
    features: Features = extract(clips, opened.classes, fe, cache)
    return opened.predict(features, lambda n: None)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".safetensors", ".onnx", ".tflite"])
def test_a_file_has_the_logits_that_evaluate_computes(
    suffix: str, models: dict[str, Path], sound: Path, tmp_path: Path
) -> None:
    if suffix == ".tflite" and importlib.util.find_spec("tflite_micro") is None:
        pytest.skip("tflite_micro is not installed")
    found = hwasc.load(models[suffix]).predict(sound, every=0.5)
    starts = [w.start for w in found.windows]
    assert starts == [0.5 * k for k in range(len(starts))] and len(starts) == 8
    logits = expected(models[suffix], sound, starts, tmp_path)
    shares = torch.softmax(torch.from_numpy(logits).double(), 1).numpy()
    np.testing.assert_allclose([w.probabilities for w in found.windows], shares, atol=1e-6)
    np.testing.assert_allclose(found.probabilities, shares.mean(0), atol=1e-6)
    assert found.scene == examples.CLASSES[int(shares.mean(0).argmax())]
    assert all(w.scene == examples.CLASSES[int(np.argmax(w.probabilities))] for w in found.windows)


@pytest.mark.slow
def test_files_arrays_and_blocks_give_the_same(models: dict[str, Path], sound: Path) -> None:
    classifier = hwasc.load(models[".safetensors"])
    samples, rate = soundfile.read(sound, dtype="int16")
    of_file, of_array = classifier.predict(sound, every=0.7), classifier.predict(samples, rate, every=0.7)
    assert of_file.windows == of_array.windows
    blocks = [samples[i : i + 1234] for i in range(0, len(samples), 1234)]
    decided = list(classifier.listen(blocks, rate, every=0.7))
    assert len(decided) == len(of_file.windows)
    for now, before in zip(decided, of_file.windows, strict=True):
        assert isinstance(now, Window) and (now.start, now.scene) == (before.start, before.scene)
        assert now.probabilities == pytest.approx(before.probabilities, abs=1e-6)
    silent = list(classifier.listen([np.zeros(rate), samples], rate))
    assert isinstance(silent[0], Skipped) and silent[0].reason == "silent" and isinstance(silent[1], Window)


def test_integers_have_the_full_scale_of_their_type() -> None:
    assert at_full_scale(np.array([-32768, 0, 16384], np.int16)).ravel().tolist() == [-1, 0, 0.5]
    assert at_full_scale(np.array([0, 128, 192], np.uint8)).ravel().tolist() == [-1, 0, 0.5]
    assert at_full_scale(np.array([[0.5, 0.25]])).tolist() == [[0.5, 0.25]]
    for wrong in (np.zeros((2, 2, 2)), np.array(["a"]), np.array([1j])):
        with pytest.raises(UsageError, match="expected samples of shape"):
            at_full_scale(wrong)


def test_wrong_use_and_useless_sound(models: dict[str, Path], sound: Path, tmp_path: Path) -> None:
    classifier = hwasc.load(models[".safetensors"])
    with pytest.raises(UsageError, match="needs its sample rate"):
        classifier.predict(np.zeros(100_000))
    with pytest.raises(UsageError, match="every: expected seconds"):
        classifier.predict(sound, every=0)
    with pytest.raises(DataError, match="array: silent"):
        classifier.predict(np.zeros(100_000), 16_000)
    with pytest.raises(DataError, match="shorter than 1 s"):
        classifier.predict(np.ones(100), 16_000)
    with pytest.raises(UsageError, match="there is no such file or folder"):
        hwasc.predict(classifier, [tmp_path / "absent.wav"])
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    with pytest.raises(DataError, match="nothing could be classified: .*broken.wav"):
        hwasc.predict(classifier, [tmp_path])
    with pytest.raises(UsageError, match="there is no such model"):
        hwasc.load(tmp_path / "none.onnx")


class FakeStream:
    """PortAudio's input: three blocks, then Ctrl-C."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        if settings["device"] == 99:
            raise FakePortAudioError("no such device")

    def __enter__(self) -> None:
        for value in (0.1, 0.2, 0.3):
            self.settings["callback"](np.full((self.settings["blocksize"], 1), value, np.float32), 1, None, None)

    def __exit__(self, *raised: object) -> None: ...


class FakePortAudioError(Exception): ...


def test_a_microphone_gives_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = ModuleType("sounddevice")
    fake.__dict__.update(InputStream=FakeStream, PortAudioError=FakePortAudioError)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    blocks = microphone(16_000)
    assert [float(next(blocks)[0, 0]) for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])
    with pytest.raises(HwascError, match=r"no such device \(python -m sounddevice"):
        next(microphone(16_000, "99"))
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UsageError, match=r"pip install 'hwasc\[mic\]'"):
        next(microphone(16_000))


def test_a_classifier_says_what_it_takes(models: dict[str, Path]) -> None:
    classifier = hwasc.load(models[".onnx"])
    assert isinstance(classifier, Classifier) and classifier.classes == examples.CLASSES
    assert (classifier.seconds, classifier.sample_rate) == (1.0, examples.FRONT_END.sample_rate)
