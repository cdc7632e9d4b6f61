"""The example and the self-test of the export run: the log-mel in it, the golden vectors, the build by CMake."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hwasc.deploy import tflite
from hwasc.deploy.constants import step
from hwasc.deploy.firmware.golden import golden, golden_samples, stored_features
from hwasc.deploy.tflm.front_end import FOLDER
from hwasc.deploy.tflm.programs import named
from hwasc.models.student import Student
from tests.deploy.tflm.tflm_stub import CC, PLAIN, compiled, exported, student, write_stub

pytestmark = pytest.mark.skipif(
    shutil.which("g++") is None or shutil.which("gcc") is None, reason="needs a compiler (gcc and g++)"
)
CLASSES = ("a", "b", "c")
NET = """
#include "tensorflow/lite/micro/micro_interpreter.h"
#include <cstdio>
extern "C" void stub_invoke(const std::int8_t* input, std::int8_t* output) {{
  std::fwrite(input, 1, {features}, stderr);
  static const std::int8_t logits[] = {{ {logits} }};
  for (int i = 0; i < 3; i++) output[i] = logits[i];
}}
"""


def ends(model: Student) -> dict[str, tuple[float, int]]:
    return {"input": step(model.input), "output": step(model.get_submodule("output.act"))}


def run(
    folder: Path, program: str, work: Path, logits: list[int], samples: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a program of the export with a net that gives these logits and writes its input to standard error."""
    features = PLAIN.front_end.mels * PLAIN.front_end.frames
    work.mkdir(exist_ok=True)
    main = work / "with_net.cc"
    main.write_text(
        NET.format(features=features, logits=", ".join(map(str, logits)))
        + f'#include "{folder / program / "main.cc"}"\n'
    )
    done = compiled(main, [folder], work, features=True)
    assert done.returncode == 0, done.stderr
    return subprocess.run([work / "a"], input=samples, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("export") / "student", PLAIN, CLASSES)


def test_the_example_tells_the_scene_of_each_clip(folder: Path, tmp_path: Path) -> None:
    fe, model = PLAIN.front_end, student(PLAIN)
    samples = golden_samples(fe)
    clips = np.stack([samples, samples[::-1]])
    done = run(folder, "example", tmp_path, [-7, 5, 5], clips.astype(np.int16).tobytes() + b"rest")
    scale, zero = ends(model)["output"]
    assert done.stdout.decode() == f"b {(5 - zero) * scale:.3f}\n" * 2
    found = np.frombuffer(done.stderr, np.int8).reshape(2, fe.mels, fe.frames).astype(int)
    expected = stored_features(clips, fe, *ends(model)["input"])
    assert np.abs(found - expected).max() <= 1 and (found == expected).mean() >= 0.99


def test_the_self_test_names_the_first_difference(folder: Path, tmp_path: Path) -> None:
    model = student(PLAIN)
    vectors = golden(model, **ends(model))
    logits = vectors.logits.astype(int).tolist()
    done = run(folder, "selftest", tmp_path / "right", logits)
    assert done.returncode == 0 and done.stdout.decode().endswith("pass\n")
    assert np.array_equal(np.frombuffer(done.stderr, np.int8), vectors.features.ravel())
    other = [logits[0], logits[1], logits[2] - 1]
    done = run(folder, "selftest", tmp_path / "wrong", other)
    assert done.returncode == 1 and f"logits: {other[2]} of c, expected {logits[2]}" in done.stdout.decode()


def test_the_golden_logits_are_the_interpreters(tmp_path: Path) -> None:
    if importlib.util.find_spec("tflite_micro") is None:
        pytest.skip("needs tflite_micro")
    from hwasc.deploy.interpreter import Interpreter

    model = student(PLAIN)
    vectors = golden(model, **ends(model))
    with Interpreter() as chip:
        chip.load(tflite.export(model, tmp_path / "m.tflite", CLASSES))
        found = chip.run(vectors.features[None, :, :, None])
    assert np.array_equal(found[0], vectors.logits)


def test_every_symbol_of_the_log_mel_carries_the_models_name(folder: Path, tmp_path: Path) -> None:
    if shutil.which("nm") is None:
        pytest.skip("needs nm")
    names = set()
    for source in (folder / FOLDER).glob("*.c"):
        made = tmp_path / f"{source.stem}.o"
        subprocess.run([*CC, "-c", source, "-o", made], check=True, timeout=60)
        found = subprocess.run(["nm", "-g", "--defined-only", made], capture_output=True, text=True, check=True)
        names |= {line.split()[-1] for line in found.stdout.splitlines()}
    assert "student_features" in names and all(name.startswith("student_") for name in names)


def test_cmake_builds_the_library_and_the_programs(folder: Path, tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    (tmp_path / "net.cc").write_text(NET.format(features=1, logits="0, 0, 0"))
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.13)\nproject(all C CXX)\nadd_library(tflm net.cc)\n"
        f"target_include_directories(tflm PUBLIC {write_stub(tmp_path / 'stub')})\nset(STUDENT_PROGRAMS ON)\n"
        f"add_subdirectory({folder} student)\n"
    )
    for command in (["cmake", "-S", ".", "-B", "build"], ["cmake", "--build", "build"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "build/student/student_selftest").exists() and (
        tmp_path / "build/student/student_example"
    ).exists()


def test_the_models_name_stands_in_for_students() -> None:
    text = '#include "student_golden.h"\nstudent::x; students; a_student; STUDENT_PROGRAMS; student_features'
    assert named(text, "hall") == '#include "hall_golden.h"\nhall::x; students; a_student; HALL_PROGRAMS; hall_features'


def test_the_readme_has_the_figures(folder: Path) -> None:
    text, header = (folder / "README.md").read_text(), (folder / "student.h").read_text()
    assert "`kArenaBytesCortexM55`" in text and "TF_LITE_STATIC_MEMORY" in text and "DebugLog" in text
    for line in header.splitlines():
        if line.startswith("constexpr std::size_t kArenaBytesCortex"):
            value = int(line.split("=")[1].split(";")[0])
            assert f"{value:,} |" in text
