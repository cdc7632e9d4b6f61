"""A hand-in to DCASE Task 1: files in the challenge's format, and a package that runs without hwasc."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from hwasc.dcase.rules import CLASSES, About
from hwasc.records import architecture
from hwasc.records.settings import Settings
from hwasc.workspace import open_workspace
from tests.dcase.evaluation_set import CLIPS, DEVICES

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as f:
        return list(csv.DictReader(f, delimiter="\t"))


def check_output(path: Path, names: list[str]) -> np.ndarray:
    assert path.read_text().splitlines()[0].split("\t") == ["filename", "scene_label", *sorted(CLASSES)]
    rows = table(path)
    assert [r["filename"] for r in rows] == names
    shares = np.array([[float(r[c]) for c in CLASSES] for r in rows])
    assert np.abs(shares.sum(1) - 1).max() < 1e-6 and (shares >= 0).all()
    assert [r["scene_label"] for r in rows] == [CLASSES[i] for i in shares.argmax(1)]
    assert len(set(shares.argmax(1))) > 1, "the test means something"
    return shares


def evaluated(made: Path, root: str) -> np.ndarray:
    """The probabilities by the way that `hwasc evaluate` goes: cached features, the unfrozen quantized student."""
    import torch

    from hwasc.data.clips import Clip
    from hwasc.data.features import extract
    from hwasc.deploy.exporting import load_int8
    from hwasc.training.loop import predict

    model, _ = load_int8(made / "s25" / "int8.safetensors")
    fe = model.architecture.front_end
    clips = [
        Clip(
            id=str(i),
            path=made / root / "audio" / f"{i}.wav",
            start=0.0,
            seconds=1.0,
            scene="bus",
            location="x",
            device="a",
        )
        for i in range(CLIPS)
        if i != 7
    ]
    features = extract(clips, CLASSES, fe, made / "other_cache")
    logits = torch.from_numpy(predict(model, features, torch.device("cpu"))).double()
    return np.asarray(logits.softmax(1))


def check_evaluated(shares: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for a step of a logit where the evaluated student's float32 sums fell on the other side of a half."""
    difference = np.abs(np.delete(shares, 7, 0) - expected).max(1)
    assert difference.max() < 0.1 and (difference < 1e-7).mean() > 0.7
    assert (np.delete(shares, 7, 0).argmax(1) == expected.argmax(1)).mean() > 0.95


@pytest.fixture(scope="module")
def handed_in_2025(made: Path) -> Path:
    from hwasc.dcase.submission import submit as write

    runs = {"general": made / "s25"}
    about = About.load(made / "about.yaml", 2025)
    result = write(
        2025,
        runs,
        evaluation=made / "eval25",
        label="Doe_INST_task1_1",
        about=about,
        out=made / "out25",
        cache=made / "cache",
    )
    assert result.checked_clips == 64 and result.largest_difference is not None and result.largest_difference < 0.1
    assert result.clips == CLIPS and all(Path(f).is_file() for f in result.files)
    assert len(result.notes) == 1 and "inference_code is required" in result.notes[0]
    return made / "out25"


def test_the_output_of_2025_is_the_evaluated_students(made: Path, handed_in_2025: Path) -> None:
    folder = handed_in_2025 / "task1" / "Doe_INST_task1_1"
    assert {p.name for p in folder.iterdir()} == {"Doe_INST_task1_1.output.csv", "Doe_INST_task1_1.meta.yaml"}
    names = [f"audio/{i}.wav" for i in range(CLIPS)]
    shares = check_output(folder / "Doe_INST_task1_1.output.csv", names)
    check_evaluated(shares, evaluated(made, "eval25"))
    written = handed_in_2025 / "inference" / "predictions" / "Doe_INST_task1_1"
    assert (written / "output.csv").read_bytes() == (folder / "Doe_INST_task1_1.output.csv").read_bytes()
    confusion = np.array(json.loads((made / "s25" / "result.json").read_text())["int8"]["confusion"])
    accuracy = json.loads((written / "test_accuracy.json").read_text())["Test Accuracy"]
    assert accuracy == pytest.approx(100 * np.trace(confusion) / confusion.sum(), abs=0.006)


PROGRAM = """
import importlib, json, sys
class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("hwasc", "brevitas", "librosa", "onnxruntime"):
            raise ImportError(name)
sys.meta_path.insert(0, Forbidden())
sys.path.insert(0, sys.argv[1])
api = importlib.import_module("Doe_INST_task1.Doe_INST_task1_1")
files, devices = json.load(sys.stdin)
import torch
model = api.load_model()
inputs = api.load_inputs(files, devices, model)
one_by_one = [api.get_model_for_device(model, d)(x)[0] for x, d in zip(inputs, devices)]
logits, order = api.predict(file_paths=files, device_ids=devices, model_file_path=None, use_cuda=False)
state = model.model.state_dict()
print(json.dumps({"order": order, "shares": torch.stack(logits).double().softmax(1).tolist(),
    "same": torch.allclose(torch.stack(one_by_one), torch.stack(logits), atol=1e-6), "shape": list(inputs[0].shape),
    "tensors": len(state), "hwasc": [m for m in sys.modules if m.startswith("hwasc")],
    "module": isinstance(api.get_model_for_device(model, "s10"), torch.nn.Module)}))
"""


def test_the_package_runs_without_hwasc_and_predicts_the_same(made: Path, handed_in_2025: Path, tmp_path: Path) -> None:
    """Moved elsewhere, in a Python process without hwasc, by the functions and arguments of the official scripts."""
    shutil.copytree(handed_in_2025 / "inference", tmp_path / "clone")
    (tmp_path / "cwd").mkdir()
    files = [str(made / "eval25" / "audio" / f"{i}.wav") for i in range(CLIPS)]
    request = json.dumps([files, [DEVICES[i % 4] for i in range(CLIPS)]])
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(tmp_path / "clone")],
        input=request, capture_output=True, text=True, cwd=tmp_path / "cwd",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)
    assert written["hwasc"] == [] and written["module"] and written["same"] and written["shape"] == [1, 1, 40, 17]
    assert written["order"] == sorted(CLASSES) and written["tensors"] > 20
    rows = table(handed_in_2025 / "task1" / "Doe_INST_task1_1" / "Doe_INST_task1_1.output.csv")
    ours = np.array([[float(r[c]) for c in CLASSES] for r in rows])
    assert np.abs(np.array(written["shares"]) - ours).max() < 1e-7
    for path in (tmp_path / "clone").rglob("*.py"):
        assert "import hwasc" not in path.read_text() and "from hwasc" not in path.read_text()
    kinds = {p.suffix for p in (tmp_path / "clone").rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert kinds == {".py", ".safetensors", ".wav", ".csv", ".json", ".txt", ".toml", ".md"}, "nothing is pickled"


def test_the_official_complexity_script_would_find_the_same(handed_in_2025: Path) -> None:
    written = json.loads((handed_in_2025 / "inference/predictions/Doe_INST_task1_1/complexity.json").read_text())
    devices = ["a", "b", "c", *(f"s{i}" for i in range(1, 11))]
    assert list(written) == ["per_device", "max_MACs", "max_Params"] and list(written["per_device"]) == devices
    assert all(set(v) == {"MACs", "Params"} for v in written["per_device"].values())
    code = (
        "import sys, copy, json; sys.path.insert(0, sys.argv[1]); import torchinfo;"
        "from Doe_INST_task1 import Doe_INST_task1_1 as api; m = api.load_model();"
        "d = sys.argv[1] + '/Doe_INST_task1/resources/dummy.wav'; x = api.load_inputs([d], ['s9'], m)[0];"
        "s = api.get_model_for_device(m, 's9');"
        "i = torchinfo.summary(copy.deepcopy(s).float(), input_size=tuple(x.shape), verbose=0);"
        "print(json.dumps([i.total_mult_adds, sum(p.numel() * p.element_size() for p in s.parameters())]))"
    )
    pytest.importorskip("torchinfo")
    argv = [sys.executable, "-I", "-c", code, str(handed_in_2025 / "inference")]
    macs, size = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    assert written["max_MACs"] == macs == written["per_device"]["s9"]["MACs"] and written["max_Params"] == size
    meta = yaml.safe_load((handed_in_2025 / "task1/Doe_INST_task1_1/Doe_INST_task1_1.meta.yaml").read_text())
    assert meta["system"]["complexity"]["macs"] == macs and meta["system"]["complexity"]["total_model_size"] == size


def test_the_metadata_of_2025(made: Path, handed_in_2025: Path) -> None:
    meta = yaml.safe_load((handed_in_2025 / "task1/Doe_INST_task1_1/Doe_INST_task1_1.meta.yaml").read_text())
    assert list(meta) == ["submission", "system", "results"]
    assert (
        meta["submission"]["label"] == "Doe_INST_task1_1" and meta["submission"]["authors"][0]["corresponding"] is True
    )
    assert list(meta["submission"]["authors"][0]) == ["lastname", "firstname", "email", "corresponding", "affiliation"]
    assert set(meta["system"]) == {"inference_code", "source_code", "description", "complexity", "external_datasets"}
    written = meta["system"]["description"]
    assert written["input_sampling_rate"] == "32kHz" and written["num_models_at_inference"] == 1
    assert written["pipeline"] == "train student, quantization-aware training", "alpha 0: no teachers"
    assert written["data_augmentation"] == "freq-mixstyle, time rolling, frequency masking, gain, dir augmentation"
    results = meta["results"]["development_dataset"]
    int8 = json.loads((made / "s25" / "result.json").read_text())["int8"]
    assert results["general"]["overall"] == {
        "logloss": pytest.approx(int8["log_loss"], abs=1e-4),
        "accuracy": pytest.approx(100 * int8["accuracy"], abs=0.006),
    }
    assert results["general"]["class_wise"]["tram"]["accuracy"] == pytest.approx(
        100 * int8["per_class"]["tram"], abs=0.006
    )
    assert results["general"]["device_wise"]["s6"]["accuracy"] == pytest.approx(
        100 * int8["per_device"]["s6"], abs=0.006
    )
    assert results["device_specific"]["overall"] == {"logloss": None, "accuracy": None}


def test_a_hand_in_to_2024(submit: Run, made: Path, tmp_path: Path) -> None:
    runs = [f"{s}={made / f's{s}'}" for s in ("100", "5", "10", "25", "50")]
    status, out, err = submit(2024, tmp_path / "o", *runs)
    assert status == 0, err
    assert "the official evaluation set of 2024 has 135,730" in err and "are missing" not in err
    folder = tmp_path / "o" / "task1" / "Doe_INST_task1_1"
    outputs = {f"Doe_INST_task1_1.output.split_{s}.csv" for s in (5, 10, 25, 50, 100)}
    assert {p.name for p in folder.iterdir()} == outputs | {"Doe_INST_task1_1.meta.yaml"}
    for name in sorted(outputs)[:2]:
        shares = check_output(folder / name, [f"{i}.wav" for i in range(CLIPS)])
    check_evaluated(shares, evaluated(made, "eval24"))
    meta = yaml.safe_load((folder / "Doe_INST_task1_1.meta.yaml").read_text())
    assert set(meta["system"]) == {"description", "complexity", "external_datasets", "source_code"}
    assert list(meta["results"]["development_dataset"]) == [f"split_{s}" for s in (5, 10, 25, 50, 100)]
    assert meta["results"]["development_dataset"]["split_5"]["overall"]["accuracy"] is not None
    costs = json.loads((made / "s25" / "result.json").read_text())["costs"]
    expected = {"total_model_size": costs["parameter_memory"], "total_parameters": costs["parameters"],
                "macs": costs["macs"]["torchinfo"]}  # fmt: skip
    assert meta["system"]["complexity"] == expected
    assert meta["system"]["description"]["split_adaptations"] is None
    written = json.loads((tmp_path / "o" / "complexity" / "Doe_INST_task1_1.json").read_text())
    assert list(written["per_subset"]) == ["100", "5", "10", "25", "50"] and written["max"]["macs"] == expected["macs"]
    assert json.loads(out)["limits"]["25"]["macs.torchinfo"]["limit"] == 30_000_000


def test_devices_with_students_of_their_own(
    submit: Run, made: Path, tmp_path: Path, handed_in_2025: Path, other_student: Path
) -> None:
    status, out, err = submit(2025, tmp_path / "o", str(made / "s25"), f"s1={other_student}", label="Doe_INST_task1_2")
    assert status == 0, err
    names = [f"audio/{i}.wav" for i in range(CLIPS)]
    shares = check_output(tmp_path / "o/task1/Doe_INST_task1_2/Doe_INST_task1_2.output.csv", names)
    general = check_output(handed_in_2025 / "task1/Doe_INST_task1_1/Doe_INST_task1_1.output.csv", names)
    of_s1 = np.array([DEVICES[i % 4] == "s1" for i in range(CLIPS)])
    assert (((shares == general).all(1)) == ~of_s1).all()
    meta = yaml.safe_load((tmp_path / "o/task1/Doe_INST_task1_2/Doe_INST_task1_2.meta.yaml").read_text())
    assert meta["system"]["description"]["num_models_at_inference"] == 2
    specific = meta["results"]["development_dataset"]["device_specific"]
    assert specific["device_wise"]["s1"]["accuracy"] is not None and specific["overall"]["accuracy"] is None
    assert not (tmp_path / "o/inference/predictions/Doe_INST_task1_2/test_accuracy.json").exists()


@pytest.mark.long
def test_students_that_one_run_has_for_its_devices(
    submit: Run, made: Path, tmp_path: Path, handed_in_2025: Path, settings_of_made: Settings
) -> None:
    """`distill --per-device` and `submit` with one folder: each device's clips by its student, all tested together."""
    from hwasc.students.distillation import distill

    shutil.copytree(made / "s25", tmp_path / "s25")
    ws = open_workspace(made / "data", settings_of_made, cache=made / "cache")
    result, _ = distill(
        ws, architecture.load(made / "s25" / "architecture.json"), run=tmp_path / "s25", per_device=True
    )
    assert result.devices is not None and result.devices.chosen
    own = {s.device for s in result.devices.chosen}
    status, _, err = submit(2025, tmp_path / "o", str(tmp_path / "s25"), label="Doe_INST_task1_3")
    assert status == 0, err
    names = [f"audio/{i}.wav" for i in range(CLIPS)]
    shares = check_output(tmp_path / "o/task1/Doe_INST_task1_3/Doe_INST_task1_3.output.csv", names)
    general = check_output(handed_in_2025 / "task1/Doe_INST_task1_1/Doe_INST_task1_1.output.csv", names)
    of_known = np.array([DEVICES[i % 4] in own for i in range(CLIPS)])
    # which devices have a student of their own depends on the processor's rounding
    assert ((shares == general).all(1) == ~of_known).all()
    meta = yaml.safe_load((tmp_path / "o/task1/Doe_INST_task1_3/Doe_INST_task1_3.meta.yaml").read_text())
    assert meta["system"]["description"]["num_models_at_inference"] == len(own) + 1
    assert "device-specific fine-tuning" in meta["system"]["description"]["pipeline"]
    assert meta["results"]["development_dataset"]["device_specific"]["overall"]["accuracy"] == pytest.approx(
        100 * result.devices.test.accuracy, abs=0.006
    )
    written = tmp_path / "o/inference/predictions/Doe_INST_task1_3"
    costs = json.loads((written / "complexity.json").read_text())
    assert costs["max_Params"] == costs["per_device"]["a"]["Params"] == costs["per_device"]["s10"]["Params"]
    assert (written / "test_accuracy.json").exists()
    weights = tmp_path / "s25" / result.devices.chosen[0].weights
    weights.unlink()
    status, _, err = submit(2025, tmp_path / "p", str(tmp_path / "s25"))
    assert status == 2 and f"{weights}: is missing or another student's" in err
