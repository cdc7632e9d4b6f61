"""`hwasc evaluate --snr`: every runtime, the same noise, the table, the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

if TYPE_CHECKING:
    from hwasc.workspace import Workspace

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def models(tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A barely trained student in every form."""
    import torch

    from hwasc.deploy import onnx_qcdq, tflite
    from hwasc.models import build
    from hwasc.nas.job import calibration_batches
    from hwasc.records import schema
    from hwasc.records.architecture import Architecture
    from hwasc.records.blocks import GRN, InvertedResidual
    from hwasc.records.front_end import FrontEnd
    from hwasc.records.train_settings import TrainSettings
    from hwasc.training.distillation import DistillationData, train_student
    from hwasc.training.quantization import calibrate, quantize
    from hwasc.training.weights import save_weights

    ws, folder = tiny_workspace, tmp_path_factory.mktemp("models")
    front_end = FrontEnd.for_clip(20, 9, n_fft=1024, window=1024, sample_rate=16000)
    a = Architecture(front_end, (4, 8), (InvertedResidual(3, 16, 8, (1, 1), True, GRN()),), len(ws.dataset.classes))
    train = ws.features(ws.dataset.train, front_end, "train")
    torch.manual_seed(0)
    net = train_student(
        build(a), DistillationData(train, None, None, 0, 1), TrainSettings(2, 16), device=ws.device, seed=0
    )
    quantized = calibrate(quantize(net), calibration_batches(train, 0))
    about = {"architecture": schema.canonical(a), "classes": json.dumps(ws.dataset.classes), "numbers": "int8"}
    save_weights(folder / "int8.safetensors", quantized, about)
    onnx_qcdq.export(quantized, folder / "student.onnx", ws.dataset.classes)
    tflite.export(quantized, folder / "student.tflite", ws.dataset.classes, "greedy")
    return folder


def test_noise_is_the_same_for_every_runtime(hwasc: Run, models: Path) -> None:
    files = ["student.onnx", "int8.safetensors"]
    try:
        import tflite_micro  # noqa: F401

        files.append("student.tflite")
    except ImportError:
        pass
    results = []
    for file in files:
        status, out, err = hwasc("evaluate", "--unseen", "--model", models / file, "--snr", "--json", tiny=True)
        assert status == 0, err
        results.append(json.loads(out))
    for r in results:
        assert [(n["noise"], n["snr"]) for n in r["noisy"]] == [
            (s, d) for s in ("white", "pink") for d in (20, 10, 5, 0)
        ]
        losses = {(n["noise"], n["snr"]): n["metrics"]["log_loss"] for n in r["noisy"]}
        for source in ("white", "pink"):  # noise lowers the accuracy, and changes the features
            assert losses[source, 0] > losses[source, 20] != r["metrics"]["log_loss"]
        assert losses["white", 0] != losses["pink", 0]
        for n, first in zip(r["noisy"], results[0]["noisy"], strict=True):
            assert abs(n["metrics"]["accuracy"] - first["metrics"]["accuracy"]) <= 2 / 90
            assert n["metrics"]["log_loss"] == pytest.approx(first["metrics"]["log_loss"], abs=0.02)
            assert set(n["metrics"]["groups"]) == {"real", "seen", "unseen"} and 0 < n["metrics"]["ece"] < 1


def test_the_table_the_page_and_a_folder_of_noise(hwasc: Run, models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "noise <b>"
    folder.mkdir()
    soundfile.write(folder / "n.wav", 0.1 * np.random.default_rng(0).standard_normal(48_000), 16_000)
    model, page = models / "int8.safetensors", tmp_path / "noise.html"
    status, out, err = hwasc(
        "evaluate", "--unseen", "--model", model, "--noise", folder, "pink", "--snr", "10,-3", "--html", page, tiny=True
    )
    assert status == 0, err
    table = [line.split() for line in out.splitlines()[5:10]]
    assert table[0] == ["noise", "SNR", "accuracy", "log", "loss", "ECE", "real", "seen", "unseen"]
    assert table[1][:2] == ["as", "recorded"] and [row[-9:-7] for row in table[4:]] == [["pink", "10"]]
    text = page.read_text()
    assert (
        text.count("<svg") == 3
        and text.count('<ul class="bars"') == 5
        and "-3 dB" in text
        and "noise &lt;b&gt;" in text
        and "noise <b>" not in text
    )


def test_off_by_default_and_mistakes_are_told(hwasc: Run, models: Path) -> None:
    model = models / "int8.safetensors"
    status, out, _ = hwasc("evaluate", "--unseen", "--model", model, "--json", tiny=True)
    assert status == 0 and json.loads(out)["noisy"] == []
    status, _, err = hwasc("evaluate", "--unseen", "--model", model, "--snr", "20,loud", tiny=True)
    assert status == 2 and "--snr 20,loud: expected numbers" in err
    status, _, err = hwasc("evaluate", "--unseen", "--model", model, "--noise", "brown", tiny=True)
    assert status == 1 and "neither white nor pink nor a folder" in err
