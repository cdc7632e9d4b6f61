"""What is wrong with a command is said in seconds: before any recording is opened or simulated, whatever it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hwasc.models import student
from hwasc.records import schema
from hwasc.records.presets import dcase2024_baseline
from hwasc.records.run import environment
from hwasc.training.weights import save_weights

Run = Callable[..., tuple[int, str, str]]
SECONDS = 3.0  # of the processor; torch is loaded by then
ARCH = ("--arch", "dcase2024_baseline")
SEARCH = ("search", "--budget", "dcase2024")
DISTILL = ("distill", *ARCH)
EVALUATE = ("evaluate", "--model", "float.safetensors")
EXPORT = ("export", "--weights")
PROXY = ("bench", "proxy", "--budget", "dcase2024")

WRONG: list[tuple[tuple[str, ...], str]] = [
    (("search", "--budget", "dcase2042"), "did you mean"),
    (("search", "--budget", "typo.yaml"), "did you mean 'limits'"),
    ((*SEARCH, "--space", "ful"), "did you mean 'full'"),
    ((*SEARCH, "--set", "serch.trials=3"), "did you mean 'search'"),
    ((*SEARCH, "--config", "gone.yaml"), "there is no such settings file"),
    ((*SEARCH, "--device", "cuda:7"), "--device cuda:7: not available here"),
    ((*SEARCH, "--device", "gpu"), "known: auto, cpu, cuda, cuda:1, mps"),
    ((*SEARCH, "--run", "text"), "--run names a folder"),
    ((*SEARCH, "--run", "text/run"), "nothing can be written there"),
    ((*SEARCH, "--run", "other"), "is the run folder of `hwasc distill`; name another"),
    ((*SEARCH, "--out", "folder"), "is a folder; name a file"),
    ((*SEARCH, "--out", "text/best.json"), "nothing can be written there"),
    ((*SEARCH, "--sample-rate", "16"), "at least 1000"),
    ((*SEARCH, "--set", "teachers=[crnn, {name: b, logits: gone.csv}]"), "teacher b: gone.csv: there is no such file"),
    (("distill", "--arch", "cp_mobil"), "did you mean 'cp_mobile'"),
    (("distill", "--arch", "gone.json"), "gone.json"),
    (("distill", "--arch", "typo.yaml"), "typo.yaml"),
    ((*DISTILL, "--device", "cuda:7"), "not available here"),
    ((*DISTILL, "--run", "text"), "--run names a folder"),
    ((*DISTILL, "--run", "searched"), "is the run folder of `hwasc search`; name another"),
    ((*DISTILL, "--weights", "gone.pt"), "there is no file gone.pt"),
    ((*DISTILL, "--weights", "typo.yaml"), "must be one of .safetensors"),
    ((*DISTILL, "--weights", "text.safetensors"), "is not a .safetensors file (it is text)"),
    ((*DISTILL, "--weights", "int8.safetensors"), "is an int8 student; name the float one"),
    ((*DISTILL, "--no-training"), "name their file with --weights"),
    ((*DISTILL, "--set", "distill.alpa=0"), "did you mean 'alpha'"),
    ((*DISTILL, "--sample-rate", "16000"), "published with a log-mel at 32,000 Hz, which is fixed; leave --sample-rate out"),
    ((*DISTILL, "--set", "teachers=[crnn, {name: b, model: gone.onnx}]"), "teacher b: gone.onnx: there is no such model"),
    (("teach", "--set", "teachers=[crnn, crn]"), "did you mean 'crnn'"),
    (("teach", "--out", "text/x.json"), "nothing can be written there"),
    (("teach", "--html", "folder"), "is a folder; name a file"),
    (("teach", "--weights", "text"), "--weights names a folder"),
    (("teach", "--device", "gpu"), "there is no such device"),
    (("teach", "--set", "teachers=[crnn, {name: b, embedding: yamne}]"), "did you mean 'yamnet'"),
    (("teach", "--set", "teachers=[crnn, {name: b, family: crnn, weights: gone.pt}]"), "there is no such file of weights"),
    (("evaluate", "--model", "gone.tflite"), "there is no such model"),
    (("evaluate", "--model", "typo.yaml"), "unknown kind of model"),
    (("evaluate", "--model", "text.tflite"), "is not a .tflite file (it is text)"),
    (("evaluate", "--model", "text.onnx"), "no model that ONNX Runtime can open (it is text)"),
    (("evaluate", "--model", "text.safetensors"), "is not a .safetensors file (it is text)"),
    (("evaluate", "--model", "foreign.safetensors"), "was not written by `hwasc distill`"),
    ((*EVALUATE, "--html", "text/x.html"), "nothing can be written there"),
    ((*EVALUATE, "--runtime", "onx"), "did you mean 'onnx'"),
    ((*EVALUATE, "--runtime", "onnx"), "onnx does not run .safetensors files"),
    ((*EVALUATE, "--device", "cuda:7"), "not available here"),
    ((*EVALUATE, "--from", "waveform"), "takes features, no waveforms"),
    ((*EVALUATE, "--snr", "loud"), "expected numbers (dB)"),
    ((*EXPORT, "typo.yaml"), "is not a .safetensors file (it is text); name a file that `hwasc distill` wrote"),
    ((*EXPORT, "gone.safetensors"), "there is no such file of weights"),
    ((*EXPORT, "float.safetensors"), "name the int8.safetensors"),
    ((*EXPORT, "int8.safetensors", "--format", "onx"), "exporter 'onx' is not known, did you mean 'onnx'"),
    ((*EXPORT, "int8.safetensors", "--format", "c", "--target", "cortex-m5"), "target 'cortex-m5' is not known"),
    ((*EXPORT, "int8.safetensors", "--out", "text/x.onnx"), "nothing can be written there"),
    ((*EXPORT, "int8.safetensors", "--format", "c", "--out", "text"), "text is a file; --out names a folder"),
    (("profile", "--arch", "typo.yaml"), "typo.yaml"),
    (("profile", *ARCH, "--budget", "dcase2042"), "did you mean"),
    (("profile", *ARCH, "--html", "text/x.html"), "nothing can be written there"),
    (("profile", *ARCH, "--emulate", "cortex-m5"), "core 'cortex-m5' is not known"),
    (("profile", *ARCH, "--sample-rate", "16000"), "which is fixed"),
    (("profile", "--model", "typo.yaml"), "only .tflite files"),
    (("profile", "--model", "text.tflite"), "is not a .tflite file (it is text)"),
    (("predict", "gone.tflite", "text"), "there is no such model"),
    (("predict", "typo.yaml", "text"), "unknown kind of model"),
    (("predict", "float.safetensors", "gone.wav"), "gone.wav"),
    (("predict", "float.safetensors", "text", "--device", "gpu"), "there is no such device"),
    (("predict", "float.safetensors", "text", "--html", "folder"), "is a folder; name a file"),
    (("predict", "float.safetensors", "text", "--csv", "text/x.csv"), "nothing can be written there"),
    ((*PROXY, "--space", "ful"), "did you mean 'full'"),
    ((*PROXY, "--device", "gpu"), "there is no such device"),
    ((*PROXY, "--run", "text"), "--run names a folder"),
    ((*PROXY, "--learn-from", "gone.jsonl"), "name the trials.jsonl of a search"),
    (("bench", "strategies", "--budget", "dcase2024", "--run", "text/x"), "nothing can be written there"),
    (("bench", "data", "--front-end", "1y"), "1y"),
    (("bench", "firmware", "--cores", "cortex-m5"), "cortex-m5"),
    (("data", "fetch", "tau2023", "folder"), "tau2022"),
    (("submit", "--year", "2025", "--run", "gone", "--evaluation", "gone", "--label", "A_B_task1_1", "--about", "gone"), "gone"),
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files of the wrong kind, and of two students."""
    here = tmp_path_factory.mktemp("wrong")
    for name in ("text", "text.safetensors", "text.tflite", "text.onnx"):
        (here / name).write_text("only a text\n")
    (here / "typo.yaml").write_text("name: mine\nlimts: {parameters: {max: 3}}\n")
    (here / "folder").mkdir()
    net = student.build(dcase2024_baseline())
    about = {"architecture": schema.canonical(net.architecture), "classes": schema.canonical(list("abcdefghij"))}
    for numbers in ("float", "int8"):
        save_weights(here / f"{numbers}.safetensors", net, {**about, "numbers": numbers})
    save_weights(here / "foreign.safetensors", net)
    for folder, verb in (("other", "distill"), ("searched", "search")):
        (here / folder).mkdir()
        (here / folder / "config.yaml").write_text(yaml.safe_dump({"verb": verb}))
        schema.write_json(here / folder / "environment.json", environment())
    return here


def written(folder: Path) -> list[Path]:
    """All but the locks of run folders, which stay."""
    return sorted(path for path in folder.rglob("*") if path.name != ".lock")


@pytest.mark.parametrize(("argv", "expected"), WRONG, ids=[" ".join(argv)[:60] for argv, _ in WRONG])
def test_wrong_input_ends_before_data_are_opened(
    hwasc: Run, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], expected: str
) -> None:
    opened: list[Any] = []
    for name in ("open_dataset", "generate", "discard_if_damaged"):
        monkeypatch.setattr(f"hwasc.workspace.{name}", lambda *a, **_: opened.append(a))
    monkeypatch.chdir(place)
    monkeypatch.setenv("HWASC_CACHE", str(tmp_path / "cache"))
    before = written(place)
    start = time.process_time()
    status, _, err = hwasc(*argv)
    assert (status, expected in " ".join(err.split())) == (2, True), err
    assert time.process_time() - start < SECONDS
    assert "Traceback" not in err and not opened and not list(tmp_path.rglob("*"))
    assert written(place) == before, "nothing is left of the attempt"


def test_a_folder_of_recordings_is_looked_at_last(hwasc: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even its list of files is read while something else is wrong."""
    monkeypatch.chdir(place)
    monkeypatch.setattr("hwasc.workspace._opened", lambda *_, **__: pytest.fail("it was opened"))
    for argv, expected in (
        ((*DISTILL, "--weights", "text.safetensors"), "is not a .safetensors file"),
        (("evaluate", "--model", "text.tflite"), "is not a .tflite file"),
        ((*SEARCH, "--run", "other"), "is the run folder of"),
    ):
        status, _, err = hwasc(*argv, "--data", os.curdir)
        assert status == 2 and expected in err
