"""The C++ source agrees with Python: it compiles without a warning, and a program that prints it all agrees."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.cost import graph as deployment
from hwasc.cost import persistent
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.deploy import tflite
from hwasc.deploy.tflm.arena_sizes import KERNELS, arena_sizes
from hwasc.deploy.tflm.exporter import EXPORTER
from hwasc.deploy.tflm.folder import to_texts
from hwasc.deploy.tflm.model_header import constant
from hwasc.deploy.tflm.source_texts import string
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import InvertedResidual
from hwasc.records.front_end import FrontEnd
from tests.deploy.tflm.tflm_stub import EVERYTHING, NASTY, PLAIN, STATIC, TORCH, compiled, exported, student

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None or shutil.which("gcc") is None, reason="needs a compiler (gcc and g++)"
)
MAIN = """
#include "student.h"
#include "student_operators.h"
#include "student.h"
#include "student_operators.h"
#include <cstdio>
#include <initializer_list>

int main() {
  using namespace student;
  OpResolver resolver;
  if (RegisterOperators(resolver) != kTfLiteOk) return 1;
  std::printf("operators %u %u %d\\n", OpResolver::kCount, resolver.count, resolver.types);
  std::printf("misaligned %d\\n", static_cast<int>(reinterpret_cast<std::uintptr_t>(kModel) % 16));
  std::printf("sizes %zu %zu %zu\\n", sizeof(kModel), kModelBytes, kArenaBytes);
  std::printf("arenas %zu %zu %zu %zu %zu %zu\\n", kArenaBytesReference, kArenaBytesCortexM0Plus, kArenaBytesCortexM4,
              kArenaBytesCortexM7, kArenaBytesCortexM33, kArenaBytesCortexM55);
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
  for (std::size_t i = 0; i < sizeof(kModel); ++i) std::printf("%02x", kModel[i]);
  std::printf("\\n");
}
"""
CLASSES = ("a", "b", "c")
BLOCKS = (  # the interpreter's own plan of these takes more than it must
    InvertedResidual(3, 16, 12, (1, 2)),
    InvertedResidual(3, 32, 8, (2, 1)),
    InvertedResidual(3, 32, 8, (1, 1), True),
)
MODELS = {
    "plain": (PLAIN, CLASSES, {"Conv2D", "Mean"}),
    "everything": (
        EVERYTHING,
        NASTY,
        {"Conv2D", "DepthwiseConv2D", "AveragePool2D", "Mean", "Mul", "Rsqrt", "Maximum", "Div", "Add"},
    ),
    "torch padding": (TORCH, tuple(f"scène {i}" for i in range(50)), {"Conv2D", "DepthwiseConv2D", "Mean", "Add"}),
}


def printed(work: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in subprocess.run([work / "a"], capture_output=True, text=True, check=True).stdout.splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key, []).append(value)
    return found


def program(work: Path, text: str = MAIN) -> Path:
    path = work / "main.cc"
    path.write_text(text)
    return path


@needs_compiler
@pytest.mark.parametrize("name", MODELS)
def test_a_program_prints_what_python_knows(name: str, tmp_path: Path) -> None:
    a, classes, operators = MODELS[name]
    model, fe = student(a), a.front_end
    folder = exported(tmp_path / "student", a, classes)
    done = compiled(program(tmp_path), [folder], tmp_path)
    assert done.returncode == 0, done.stderr
    found = printed(tmp_path)
    content = tflite.to_bytes(model, classes)
    assert bytes.fromhex(found["model"][0]) == content and found["misaligned"] == ["0"]
    # x86-64 aligns long arrays whether asked to or not
    assert "\nalignas(16) const unsigned char student::kModel[" in (folder / "student_model.cc").read_text()
    graph = deployment.build(a)
    arena = persistent.arena(a, plan_greedy(graph).head)
    assert found["sizes"] == [f"{len(content)} {len(content)} {arena}"]
    sizes = arena_sizes(a, graph, plan_greedy(graph))
    assert [s.kernels for s in sizes] == list(KERNELS) and sizes[0].on_host == arena
    assert found["arenas"] == [" ".join(str(s.on_host or s.arena) for s in sizes)]
    assert [bytes.fromhex(n).decode() for n in found["name"]] == list(classes)
    resolver = (folder / "student_operators.h").read_text()
    assert set(re.findall(r"resolver\.Add(\w+)\(", resolver)) == operators
    for_int8 = operators & {"Conv2D", "DepthwiseConv2D", "AveragePool2D", "Mul", "Add"}
    types = len(for_int8) + 3 * len(operators - for_int8)
    assert found["operators"] == [f"{len(operators)} {len(operators)} {types}"]
    assert found["shape"] == [f"{fe.mels} {fe.frames} {a.classes}"]
    scale, zero = model.input.act_quant.scale(), 0 if model.input.act_quant.is_signed else -128
    steps = [float.fromhex(x) for x in found["steps"][0].split()]
    assert steps[0] == float(scale) and found["zeros"][0].split()[0] == str(zero)
    assert steps[1] == float(model.output.act.act_quant.scale())  # type: ignore[union-attr, operator]
    assert found["samples"] == [f"{fe.sample_rate} {fe.samples} {fe.n_fft} {fe.window} {fe.hop}"]
    reals = (fe.seconds, fe.f_min, fe.f_max, fe.log_offset, fe.mean, fe.std)
    assert [float.fromhex(x) for x in found["real"]] == [float(np.float32(x)) for x in reals]
    header = (folder / "student.h").read_text()
    assert a.id in header and hashlib.sha256(content).hexdigest() in header and "DebugLog" in header


@needs_compiler
def test_files_of_different_exports_do_not_compile_together(tmp_path: Path) -> None:
    for seed, name in enumerate("xy"):
        model = student(PLAIN)
        with torch.no_grad():
            next(model.parameters()).mul_(1 + seed)
        EXPORTER.export(model, tmp_path / name / "student", CLASSES)
    for file, message in (
        ("student_model.cc", "student.h and student_model.cc are of different exports"),
        ("student_operators.h", "student.h and student_operators.h are of different exports"),
        ("front_end/scene_front_end_tables.c", "scene_front_end_tables.c and scene_model.h are of different exports"),
    ):
        mixed = tmp_path / Path(file).stem / "student"
        shutil.copytree(tmp_path / "x" / "student", mixed)
        shutil.copy(tmp_path / "y" / "student" / file, mixed / file)
        done = compiled(program(tmp_path), [mixed], tmp_path, features=True)
        assert done.returncode != 0 and message in done.stderr


@needs_compiler
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("-DOTHER",), "define TF_LITE_STATIC_MEMORY"),
        ((*STATIC, "-std=c++14"), "needs C++17"),
    ],
)
def test_what_would_crash_on_the_chip_does_not_compile(flags: tuple[str, ...], message: str, tmp_path: Path) -> None:
    folder = exported(tmp_path / "student", PLAIN, CLASSES)
    done = compiled(program(tmp_path), [folder], tmp_path, *flags)
    assert done.returncode != 0 and message in done.stderr


@needs_compiler
def test_two_models_fit_one_program(tmp_path: Path) -> None:
    first = exported(tmp_path / "hall", EVERYTHING, NASTY)
    second = exported(tmp_path / "2nd door", TORCH, tuple(f"scène {i}" for i in range(50)))
    text = """
#include "hall.h"
#include "hall_operators.h"
#include "model_2nd_door.h"
#include "model_2nd_door_operators.h"
#include <cstdio>
alignas(8) static std::uint8_t memory[hall::kFrontEndBytes + model_2nd_door::kFrontEndBytes];
static std::int16_t samples[hall::kClipSamples + model_2nd_door::kClipSamples];
static std::int8_t input[hall::kMels * hall::kFrames + model_2nd_door::kMels * model_2nd_door::kFrames];
int main() {
  hall::OpResolver one;
  model_2nd_door::OpResolver two;
  hall_features(samples, memory, input);
  model_2nd_door_features(samples, memory, input);
  std::printf("both %d %d %d\\n", hall::RegisterOperators(one) + model_2nd_door::RegisterOperators(two),
              hall::kClasses, model_2nd_door::kClasses);
}
"""
    done = compiled(program(tmp_path, text), [first, second], tmp_path, features=True)
    assert done.returncode == 0, done.stderr
    assert printed(tmp_path)["both"] == [f"0 {len(NASTY)} 50"]


@needs_compiler
def test_the_compiler_chooses_the_arena_where_nobody_named_the_kernels(tmp_path: Path) -> None:
    unnamed, named = (
        exported(tmp_path / "unnamed" / "student", PLAIN, CLASSES),
        exported(tmp_path / "named" / "student", PLAIN, CLASSES, kernels="cortex-m7"),
    )
    dsp = ("-DCMSIS_NN", "-D__ARM_FEATURE_DSP")
    mve = (*dsp, "-D__ARM_FEATURE_MVE=1")
    assert chosen(unnamed, tmp_path) == "Reference"
    assert chosen(unnamed, tmp_path, "-DCMSIS_NN") == "CortexM0Plus"
    assert chosen(unnamed, tmp_path, *dsp) == "CortexM4"
    assert chosen(unnamed, tmp_path, *mve) == "CortexM55"
    assert chosen(named, tmp_path, *mve) == chosen(named, tmp_path) == "CortexM7"


def chosen(folder: Path, work: Path, *flags: str) -> str:
    """Which of the constants `kArenaBytes` is."""
    (work / "which.cc").write_text('#include "student.h"\n')
    command = ["g++", "-E", *flags, f"-I{folder}", work / "which.cc"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    (found,) = re.findall(r"kArenaBytes = kArenaBytes(\w+);", text)
    return str(found)


def test_sources_are_ascii_and_no_name_leaves_its_string() -> None:
    for file, text in to_texts(student(EVERYTHING), NASTY, name="student").items():
        assert text.isascii() and (file == "README.md" or "??" not in text)
        assert file.startswith(("front_end", "README")) or max(map(len, text.splitlines())) <= 132, file
        if file.endswith((".cc", ".h")) and "front_end" not in file:
            assert not re.search(r"\\$", text, re.MULTILINE)
    assert string('a"\\?\né1') == '"a\\042\\134\\077\\012\\303\\2511"'


def test_the_same_weights_are_the_same_bytes_and_the_planner_decides() -> None:
    a = Architecture(FrontEnd.for_clip(40, 17), (4, 8), BLOCKS, 3)
    model, graph = student(a), deployment.build(a)
    greedy, offline = (
        to_texts(model, CLASSES, planner, name="student")  # type: ignore[arg-type]
        for planner in ("greedy", "offline")
    )
    assert greedy == to_texts(model, CLASSES, name="student") and greedy != offline
    plan = plan_offline(graph)
    assert plan.planner == "offline"
    for texts, made in ((greedy, plan_greedy(graph)), (offline, plan)):
        for size in arena_sizes(a, graph, made):
            value = f"? {size.on_host} : {size.arena};" if size.on_host else f"= {size.arena};"
            (line,) = [x for x in texts["student.h"].splitlines() if f" {constant(size.kernels)} =" in x]
            assert value in line
