"""The C++ source agrees with Python: it compiles without a warning, and a program that prints it all agrees."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwasc.cost import graph as deployment
from hwasc.cost import persistent
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.deploy import tflite, tflm_source
from hwasc.errors import UsageError
from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.architecture import Architecture, FrontEnd
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.training.quantization import calibrate, quantize
from hwasc.training.weights import save_weights

Run = Callable[..., tuple[int, str, str]]
NASTY = (
    'say "hi"',
    "back\\slash\\",
    "two\nlines\t",
    "*/ end // it",
    "what??/\nnow??)",
    "métro 7",
    "\\",
    "%s 100 %",
    "",
)
FILES = {"model.h", "model_data.cc", "op_resolver.h"}
WARNINGS = ("-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wtrigraphs", "-Werror")
METHODS = {  # of tflite::MicroMutableOpResolver
    "AddAbs", "AddAdd", "AddAveragePool2D", "AddConv2D", "AddDepthwiseConv2D", "AddDiv", "AddMaxPool2D", "AddMaximum", "AddMean",
    "AddMul", "AddPad", "AddRsqrt", "AddSqrt",
}  # fmt: skip
MAIN = """
#include "model.h"
#include "op_resolver.h"
#include "model.h"
#include "op_resolver.h"
#include <cstdio>
#include <initializer_list>

int main() {
  using namespace hwasc;
  OpResolver resolver;
  if (RegisterOperators(resolver) != kTfLiteOk) return 1;
  std::printf("operators %u %u\\n", OpResolver::kCount, resolver.count);
  std::printf("misaligned %d\\n", static_cast<int>(reinterpret_cast<std::uintptr_t>(hwasc_model) % 16));
  std::printf("sizes %zu %zu %zu\\n", hwasc_model_size, kModelBytes, kArenaBytes);
  std::printf("shape %d %d %d\\n", kMels, kFrames, kClasses);
  std::printf("zeros %d %d\\n", kInputZeroPoint, kOutputZeroPoint);
  std::printf("steps %a %a\\n", static_cast<double>(kInputScale), static_cast<double>(kOutputScale));
  std::printf("samples %d %d %d %d %d\\n", kSampleRate, kClipSamples, kFftSize, kWindow, kHop);
  for (float x : {kClipSeconds, kMinHz, kMaxHz, kLogOffset, kMean, kStd}) std::printf("real %a\\n", static_cast<double>(x));
  for (const char* name : kClassNames) {
    std::printf("name ");
    for (; *name; ++name) std::printf("%02x", static_cast<unsigned char>(*name));
    std::printf("\\n");
  }
  std::printf("model ");
  for (std::size_t i = 0; i < hwasc_model_size; ++i) std::printf("%02x", hwasc_model[i]);
  std::printf("\\n");
}
"""


def student(a: Architecture) -> Student:
    torch.manual_seed(0)
    model = build(a)
    for m in model.modules():
        if isinstance(m, GlobalResponseNorm):
            nn.init.uniform_(m.gamma, -0.5, 0.5)
    clips = torch.randn(2, 1, a.front_end.mels, a.front_end.frames)
    return calibrate(quantize(model.eval()), [clips], correct_bias=False)


def architecture(classes: int, blocks: tuple[InvertedResidual, ...] = (), **rest: str) -> Architecture:
    front_end = FrontEnd.for_clip(24, 9, 0.7, 16_000, log_offset=3e-7, mean=-4.25, f_min=20.1)
    return Architecture(front_end, (4, 8), blocks, classes, **rest)  # type: ignore[arg-type]


PLAIN = architecture(3)
EVERYTHING = architecture(
    len(NASTY),
    (
        InvertedResidual(3, 16, 8, (2, 1), True, GRN("channel", "expanded", "l2")),
        InvertedResidual(5, 12, 8, (1, 1), True, GRN()),
        InvertedResidual(3, 9, 8, (2, 2)),
    ),
)
TORCH = architecture(50, (InvertedResidual(3, 16, 8, (2, 1), True),), padding="torch")
MODELS = {
    "plain": (PLAIN, ("a", "b", "c"), {"Conv2D", "Mean"}),
    "everything": (
        EVERYTHING,
        NASTY,
        {"Conv2D", "DepthwiseConv2D", "AveragePool2D", "Mean", "Mul", "Rsqrt", "Maximum", "Div", "Add"},
    ),
    "torch padding": (TORCH, tuple(f"scène {i}" for i in range(50)), {"Conv2D", "DepthwiseConv2D", "Mean", "Add"}),
}


@pytest.fixture
def compiler() -> str:
    found = shutil.which("g++")
    if found is None:
        pytest.skip("needs a C++ compiler (g++)")
    return found


def stub(folder: Path) -> None:
    """What the source needs of TensorFlow Lite Micro: a resolver that counts, and refuses more than it has room for."""
    path = folder / "tensorflow/lite/micro/micro_mutable_op_resolver.h"
    path.parent.mkdir(parents=True, exist_ok=True)
    methods = "\n".join(f"  TfLiteStatus {m}() {{ return add(); }}" for m in sorted(METHODS))
    path.write_text(
        "#pragma once\nenum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };\nnamespace tflite {\n"
        "template <unsigned int N> class MicroMutableOpResolver {\n public:\n  static constexpr unsigned int kCount = N;\n"
        "  unsigned int count = 0;\n"
        "  TfLiteStatus add() { return count++ < N ? kTfLiteOk : kTfLiteError; }\n" + methods + "\n};\n}\n"
    )


def built(compiler: str, folder: Path, work: Path) -> subprocess.CompletedProcess[str]:
    stub(work)
    (work / "main.cc").write_text(MAIN)
    return subprocess.run(
        [
            compiler,
            *WARNINGS,
            f"-I{folder}",
            f"-I{work}",
            f"{work}/main.cc",
            f"{folder}/model_data.cc",
            "-o",
            f"{work}/a",
        ],
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_program_prints_what_python_knows(name: str, compiler: str, tmp_path: Path) -> None:
    a, classes, operators = MODELS[name]
    model, fe = student(a), a.front_end
    folder = tflm_source.export(model, tmp_path / "c", classes)
    assert {p.name for p in folder.iterdir()} == FILES
    done = built(compiler, folder, tmp_path)
    assert done.returncode == 0, done.stderr
    printed: dict[str, list[str]] = {}
    for line in subprocess.run([tmp_path / "a"], capture_output=True, text=True, check=True).stdout.splitlines():
        key, _, value = line.partition(" ")
        printed.setdefault(key, []).append(value)
    content = tflite.to_bytes(model, classes)
    assert bytes.fromhex(printed["model"][0]) == content and printed["misaligned"] == ["0"]
    # x86-64 aligns long arrays whether asked to or not
    assert "\nalignas(16) const unsigned char hwasc_model[] = {" in (folder / "model_data.cc").read_text()
    arena = persistent.arena(a, plan_greedy(deployment.build(a)).head)
    assert printed["sizes"] == [f"{len(content)} {len(content)} {arena}"]
    assert [bytes.fromhex(n).decode() for n in printed["name"]] == list(classes)
    resolver = (folder / "op_resolver.h").read_text()
    assert set(re.findall(r"resolver\.Add(\w+)\(\)", resolver)) == operators
    assert printed["operators"] == [f"{len(operators)} {len(operators)}"]
    assert printed["shape"] == [f"{fe.mels} {fe.frames} {a.classes}"]
    scale, zero = model.input.act_quant.scale(), 0 if model.input.act_quant.is_signed else -128
    steps = [float.fromhex(x) for x in printed["steps"][0].split()]
    assert steps[0] == float(scale) and printed["zeros"][0].split()[0] == str(zero)
    assert steps[1] == float(model.output.act.act_quant.scale())  # type: ignore[union-attr, operator]
    assert printed["samples"] == [f"{fe.sample_rate} {fe.samples} {fe.n_fft} {fe.window} {fe.hop}"]
    reals = (fe.seconds, fe.f_min, fe.f_max, fe.log_offset, fe.mean, fe.std)
    assert [float.fromhex(x) for x in printed["real"]] == [float(np.float32(x)) for x in reals]
    header = (folder / "model.h").read_text()
    assert a.id in header and hashlib.sha256(content).hexdigest() in header


def test_files_of_different_exports_do_not_compile_together(compiler: str, tmp_path: Path) -> None:
    for seed, name in enumerate("xy"):
        model = student(PLAIN)
        with torch.no_grad():
            next(model.parameters()).mul_(1 + seed)
        tflm_source.export(model, tmp_path / name, ("a", "b", "c"))
    for file in ("model_data.cc", "op_resolver.h"):
        mixed = tmp_path / file[:-3]
        shutil.copytree(tmp_path / "x", mixed)
        shutil.copy(tmp_path / "y" / file, mixed)
        done = built(compiler, mixed, tmp_path)
        assert done.returncode != 0 and f"model.h and {file} are of different exports" in done.stderr


def test_sources_are_ascii_and_no_name_leaves_its_string() -> None:
    for text in tflm_source.to_texts(student(EVERYTHING), NASTY).values():
        assert text.isascii() and "??" not in text and max(map(len, text.splitlines())) <= 130
        assert not re.search(r"\\$", text, re.MULTILINE)
    assert tflm_source._string('a"\\?\né1') == '"a\\042\\134\\077\\012\\303\\2511"'


def test_the_same_weights_are_the_same_bytes_and_the_planner_decides(tmp_path: Path) -> None:
    from hwasc.records.presets import dcase2024_baseline

    a = dcase2024_baseline()
    model = student(a)
    greedy, offline = (tflm_source.to_texts(model, NASTY[:10], p) for p in ("greedy", "offline"))  # type: ignore[arg-type]
    assert greedy == tflm_source.to_texts(model, NASTY[:10]) and greedy != offline
    plan = plan_offline(deployment.build(a))
    assert f"kArenaBytes = {persistent.arena(a, plan.head)};" in offline["model.h"] and plan.planner == "offline"
    assert f"kArenaBytes = {persistent.arena(a, 210_944)};" in greedy["model.h"]


def test_what_lies_in_the_way_is_left_alone(tmp_path: Path) -> None:
    model, classes = student(PLAIN), ("a", "b", "c")
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new/deep"):
        folder = tflm_source.export(model, tmp_path / name, classes)
        first = (folder / "model.h").read_text()
        tflm_source.export(model, folder, ("d", "e", "f"))
        assert {p.name for p in folder.iterdir()} == FILES and (folder / "model.h").read_text() != first
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    (tmp_path / "alike").mkdir()
    (tmp_path / "alike" / "model.h").write_text("// mine")
    before = sorted(tmp_path.rglob("*"))
    for name, message in (("file", "is a file"), ("full", "notes.txt"), ("alike", "model.h")):
        with pytest.raises(UsageError, match=message) as e:
            tflm_source.export(model, tmp_path / name, classes)
        assert "\n" not in str(e.value)
    assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "alike" / "model.h").read_text() == "// mine"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "int8.safetensors"
    about = {"numbers": "int8", "architecture": schema.canonical(PLAIN), "classes": json.dumps(["a", "b", "c"])}
    save_weights(path, student(PLAIN), about)
    return path


def test_the_command_line(hwasc: Run, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = hwasc("export", "--weights", weights, "--format", "tflm", "--json")
    assert status == 0, err
    written = {p.name: p.read_text() for p in Path("student_tflm").iterdir()}
    assert json.loads(out) == {"model": "student_tflm", "format": "tflm", "bytes": sum(map(len, written.values()))}
    assert written == tflm_source.to_texts(student(PLAIN), ("a", "b", "c"))
    assert hwasc("export", "--weights", weights, "--format", "tflm", "--planner", "offline")[0] == 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--format", "tflm", "--out", "m.tflite"), "name a folder"),
        (("--format", "tflm", "--out", "int8.safetensors"), "is a file"),
        (("--format", "tflm", "--out", "."), "holds int8.safetensors"),
        (("--format", "onnx", "--planner", "offline"), "for --format tflite and tflm"),
    ],
)
def test_wrong_use_is_one_line(
    hwasc: Run, weights: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(weights.parent)
    status, out, err = hwasc("export", "--weights", weights, *argv)
    assert (status, out) == (2, "") and message in err and err.strip().count("\n") == 0, err
    assert [p.name for p in weights.parent.iterdir()] == [weights.name]
