"""The folder of the export for TensorFlow Lite Micro: whole or not at all, nothing of others in it is lost; the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.deploy.tflm.arena_sizes import kernels_of
from hwasc.deploy.tflm.exporter import EXPORTER
from hwasc.deploy.tflm.folder import to_texts
from hwasc.deploy.tflm.names import identifier, name_of
from hwasc.deploy.tflm.options import TflmOptions
from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import InvertedResidual
from hwasc.records.budget import Budget
from hwasc.records.front_end import FrontEnd
from hwasc.training.weights import save_weights
from tests.deploy.tflm.tflm_stub import PLAIN, student

Run = Callable[..., tuple[int, str, str]]
CLASSES = ("a", "b", "c")


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("student", "student"),
        ("Küche 2", "k_che_2"),
        ("2nd-door", "model_2nd_door"),
        ("int", "model_int"),
        ("__x__y__", "x_y"),
        ("student_tflm", "student_tflm"),
        ("a" * 60, "a" * 40),
    ],
)
def test_any_text_becomes_a_name_in_c(text: str, name: str) -> None:
    assert identifier(text) == name


def test_the_folder_gives_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_of(Path("firmware/student_tflm")) == "student" and name_of(tmp_path / "Hall") == "hall"
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert name_of(Path(".")) == "here" and name_of(Path("_tflm")) == "tflm"
    with pytest.raises(UsageError, match="--name"):
        name_of(tmp_path / "***")


def test_what_lies_in_the_way_is_left_alone(tmp_path: Path) -> None:
    model = student(PLAIN)
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new/deep"):
        folder = EXPORTER.export(model, tmp_path / name, CLASSES)
        first = files(folder)
        assert files(EXPORTER.export(model, folder, CLASSES)) == first
        EXPORTER.export(model, folder, ("d", "e", "f"), options=TflmOptions(name="other"))
        assert "other.h" in files(folder) and "empty.h" not in files(folder)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    (tmp_path / "alike").mkdir()
    (tmp_path / "alike" / "alike.h").write_text("// mine")
    changed = EXPORTER.export(model, tmp_path / "changed", CLASSES)
    (changed / "changed.h").write_text("// mine")
    (tmp_path / "more").mkdir()
    EXPORTER.export(model, tmp_path / "more", CLASSES)
    (tmp_path / "more" / "front_end" / "mine.c").write_text("// mine")
    before = files(tmp_path)
    for name, message in (
        ("file", "is a file"),
        ("full", "holds notes.txt"),
        ("alike", "holds alike.h"),
        ("changed", "changed.h was changed"),
        ("more", "holds front_end/mine.c"),
    ):
        with pytest.raises(UsageError, match=message) as e:
            EXPORTER.export(model, tmp_path / name, CLASSES)
        assert "\n" not in str(e.value)
    assert files(tmp_path) == before


def test_the_budgets_chip_names_the_kernels(tmp_path: Path) -> None:
    assert kernels_of(Budget.load("nrf52840")) == "cortex-m4" and kernels_of(Budget.load("rp2040")) == "cortex-m0+"
    assert kernels_of(Budget.load("esp32-s3")) == kernels_of(Budget.load("dcase2024")) == "reference"
    assert TflmOptions(budget="nrf52840").chosen_kernels() == "cortex-m4"
    assert TflmOptions(budget="nrf52840", kernels="cortex-m7").chosen_kernels() == "cortex-m7"
    assert TflmOptions().chosen_kernels() is None
    assert TflmOptions(kernels="cortex-m0+").chosen_arithmetic() == "integer"
    assert TflmOptions(kernels="cortex-m0+", arithmetic="float").chosen_arithmetic() == "float"
    header = to_texts(student(PLAIN), CLASSES, name="x", options=TflmOptions(budget="stm32l4"))["x.h"]
    assert "kArenaBytes = kArenaBytesCortexM4;" in header


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernels": "cortex-m5"}, "'cortex-m5' is not known, did you mean 'cortex-m"),
        ({"arithmetic": "double"}, "known: float, integer"),
        ({"name": "***"}, "no letter"),
    ],
)
def test_wrong_options_are_one_line(options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as e:
        TflmOptions(**options)  # type: ignore[arg-type]
    assert "\n" not in str(e.value)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "int8.safetensors"
    about = {"numbers": "int8", "architecture": schema.canonical(PLAIN), "classes": json.dumps(CLASSES)}
    save_weights(path, student(PLAIN), about)
    return path


def test_the_command_line(hwasc: Run, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = hwasc("export", "--weights", weights, "--format", "tflm", "--json")
    assert status == 0, err
    written = {name: content.decode() for name, content in files(Path("student_tflm")).items()}
    assert json.loads(out) == {"model": "student_tflm", "format": "tflm", "bytes": sum(map(len, written.values()))}
    del written["export.json"]
    assert written == to_texts(student(PLAIN), CLASSES, name="student")
    assert hwasc("export", "--weights", weights, "--format", "tflm", "--planner", "offline")[0] == 0
    status, out, err = hwasc("export", "--weights", weights, "--format", "tflm", "--budget", "nrf52840")
    assert status == 0 and "CMSIS-NN built for cortex-m55" in out and "kArenaBytes: that of cortex-m4" in out, err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--format", "tflm", "--out", "m.tflite"), "name a folder"),
        (("--format", "tflm", "--out", "int8.safetensors"), "is a file"),
        (("--format", "tflm", "--out", "."), "holds int8.safetensors"),
        (("--format", "onnx", "--planner", "offline"), "for --format tflite and tflm"),
        (("--format", "tflm", "--kernels", "cortex-m44"), "did you mean 'cortex-m4'"),
        (("--format", "tflm", "--budget", "nrf52841"), "nrf52841"),
        (("--format", "tflite", "--kernels", "cortex-m4"), "it is for --format tflm"),
    ],
)
def test_wrong_use_is_one_line(
    hwasc: Run, weights: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(weights.parent)
    status, out, err = hwasc("export", "--weights", weights, *argv)
    assert (status, out) == (2, "") and message in err and err.strip().count("\n") == 0, err
    assert [p.name for p in weights.parent.iterdir()] == [weights.name]


def test_patches_are_in_the_file_and_in_the_arena() -> None:
    model = student(Architecture(FrontEnd.for_clip(128, 33), (8, 16), (InvertedResidual(3, 64, 16, (2, 2)),), 3))
    whole, cut = (to_texts(model, CLASSES, name="x", options=TflmOptions(patches=patches)) for patches in (None, 2))
    assert "AddStridedSlice()" in cut["x_operators.h"] and "AddConcatenation()" in cut["x_operators.h"]
    heads = [int(re.findall(r"kernels, head (\d+)", texts["x.h"])[0]) for texts in (whole, cut)]
    assert heads[1] < heads[0]
