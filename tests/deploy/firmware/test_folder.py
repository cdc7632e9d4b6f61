"""The exported folder: it compiles without warnings, tests itself, cannot be mixed with another, streams as whole clips do."""

from __future__ import annotations

import copy
import ctypes
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.deploy.firmware.copying import copied as copied_files
from hwasc.deploy.firmware.exporter import EXPORTER, read_macros
from hwasc.deploy.firmware.golden import golden_samples, stored_features
from hwasc.deploy.firmware.host import STRICT
from hwasc.deploy.firmware.measuring import build_folder
from hwasc.deploy.firmware.options import FirmwareOptions
from hwasc.deploy.firmware.toolchain import CORES
from hwasc.deploy.runtimes.c import RUNTIME
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.models.student import Student
from hwasc.records.architecture import Architecture
from hwasc.records.front_end import FrontEnd
from hwasc.testing import examples

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, cc")
HOP = FirmwareOptions(hop="250ms")
NASTY = ('a"\\?', "tram\nb??/", "é*/")


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Student:
    path = tmp_path_factory.mktemp("features") / "features"
    return examples.int8_student(examples.features(path, examples.FRONT_END))


@pytest.fixture(scope="module")
def exported(student: Student, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export that decides each 250 ms; tests copy it before they change it."""
    return EXPORTER.export(student, tmp_path_factory.mktemp("c") / "student", examples.CLASSES, options=HOP)


@pytest.fixture
def out(exported: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported, tmp_path / "student")


def run(*command: object, cwd: Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(c) for c in command], cwd=cwd, input=data, capture_output=True, timeout=120)


def selftest(out: Path, compiler: str = "cc") -> tuple[int, str]:
    """Build and run the self-test."""
    files = [*sorted((out / "src").glob("*.c")), *sorted((out / "selftest").glob("*.c"))]
    built = run(compiler, "-O1", "-I", "src", *files, "-lm", "-o", "test", cwd=out)
    assert built.returncode == 0, built.stderr.decode()
    done = run("./test", cwd=out)
    return done.returncode, done.stdout.decode()


def test_the_same_student_gives_the_same_bytes(student: Student, exported: Path, tmp_path: Path) -> None:
    again = EXPORTER.export(copy.deepcopy(student), tmp_path / "b", examples.CLASSES, options=HOP)
    files = {p.relative_to(exported): p.read_bytes() for p in exported.rglob("*") if p.is_file()}
    assert files == {p.relative_to(again): p.read_bytes() for p in again.rglob("*") if p.is_file()}
    assert {name.split("/")[0] for name in map(str, files)} >= {
        "README.md",
        "CMakeLists.txt",
        "src",
        "example",
        "zephyr",
    }
    other = EXPORTER.export(student, tmp_path / "b", examples.CLASSES)  # replaces it
    assert read_macros(other)["SCENE_TAG"] != read_macros(exported)["SCENE_TAG"]
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_it_compiles_without_a_warning(compiler: str, out: Path) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"needs {compiler}")
    (out / "alone.c").write_text(
        '#include "scene.h"\n#include "scene_logmel.h"\n#include "scene_net.h"\nint main(void) { return 0; }\n'
    )
    sources = [p for p in sorted(out.rglob("*.c")) if "cortex-m" not in p.parts]
    done = run(compiler, *STRICT, "-O1", "-fsyntax-only", "-I", "src", "-I", "selftest", *sources, cwd=out)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.slow
def test_the_self_test_passes_and_fails_where_a_number_is_changed(out: Path) -> None:
    assert selftest(out) == (0, "net: all logits equal\nlog-mel: 0 of 680 features differ, by one step\npass\n")
    tables = out / "src" / "scene_net_tables.c"
    text = tables.read_text()
    weights = re.search(r"int8_t \w+\[\d+\] = \{\n([^}]*)\}", text)
    assert weights
    changed = ",".join("127" if i % 2 else "-127" for i in range(weights[1].count(",")))
    tables.write_text(text.replace(weights[1], changed + ",\n"))
    status, stated = selftest(out)
    assert status == 1 and stated.startswith("FAIL: the net: logit ")
    tables.write_text(text)
    front_end = out / "src" / "scene_front_end_tables.c"
    areas = front_end.read_text()
    front_end.write_text(re.sub(r"(scene_heights\[SCENE_HEIGHTS\] = \{\n\s*)[^,]*,", r"\g<1>1.0f,", areas))
    status, stated = selftest(out)
    assert status == 1 and stated.startswith("FAIL: the log-mel: frame, band 0, 0 is ")


def test_files_of_two_exports_do_not_compile_together(student: Student, exported: Path, tmp_path: Path) -> None:
    other = EXPORTER.export(student, tmp_path / "other", ("x", "y", "z"), options=HOP)
    for name in ("src/scene_net_tables.c", "src/scene_front_end_tables.c", "selftest/scene_selftest.c"):
        mixed = shutil.copytree(other, tmp_path / "mixed", dirs_exist_ok=True)
        shutil.copy(exported / name, mixed / name)
        if name.startswith("selftest"):
            shutil.copy(exported / "selftest/scene_golden.h", mixed / "selftest/scene_golden.h")
        done = run("cc", "-c", "-I", "src", name, "-o", "x.o", cwd=mixed)
        assert done.returncode != 0 and b"are of different exports" in done.stderr, name


def test_it_streams_as_whole_clips_do(student: Student, out: Path, tmp_path: Path) -> None:
    """Decisions each 250 ms equal those of clips cut out of the stream, each computed from the beginning."""
    files = sorted((out / "src").glob("*.c"))
    (out / "size.c").write_text(
        '#include "scene.h"\nsize_t size(void);\nsize_t size(void) { return sizeof(scene_state); }\n'
    )
    assert (
        run("cc", "-O1", "-shared", "-fPIC", "-I", "src", *files, "size.c", "-lm", "-o", "s.so", cwd=out).returncode
        == 0
    )
    c = ctypes.CDLL(str(out / "s.so"))
    c.size.restype = ctypes.c_size_t
    macros, fe = read_macros(out), student.architecture.front_end
    assert c.size() == int(macros["SCENE_STATE_BYTES"])
    c.scene_frame.restype = c.scene_stored_logits.restype = ctypes.POINTER(ctypes.c_int8)
    c.scene_push.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]

    def decide(state: ctypes.Array[ctypes.c_uint64], samples: np.ndarray) -> tuple[list[int], np.ndarray] | None:
        block = np.ascontiguousarray(samples)
        if not c.scene_push(state, block.ctypes.data, len(block)):
            return None
        frames = [c.scene_frame(state, t)[: fe.mels] for t in range(fe.frames)]
        return c.scene_stored_logits(state)[: len(examples.CLASSES)], np.array(frames, np.int8).T

    def new() -> ctypes.Array[ctypes.c_uint64]:
        state = (ctypes.c_uint64 * (c.size() // 8))()
        c.scene_init(state)
        return state

    stream, hop = np.tile(golden_samples(fe), 2), int(macros["SCENE_DECISION_HOP"])
    assert hop == 8000
    state, found, at = new(), [], 0
    for piece in np.random.default_rng(0).integers(1, 1500, 200):
        decision = decide(state, stream[at : at + piece])
        found += [decision] if decision else []
        at += piece
    clips = [stream[start : start + fe.samples] for start in range(0, len(stream) - fe.samples + 1, hop)]
    assert len(found) == len(clips) == 5
    step = float(macros["SCENE_INPUT_SCALE"].rstrip("f")), int(macros["SCENE_INPUT_ZERO_POINT"])
    for (logits, features), clip in zip(found, clips, strict=True):
        whole = decide(new(), clip)
        assert whole and whole[0] == logits and np.array_equal(whole[1], features)
        own = stored_features(clip[None], fe, *step)[0]
        assert (own == features).mean() >= 0.999 and np.abs(own.astype(int) - features).max() <= 1


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cmake"), reason="needs cmake")
def test_it_builds_with_cmake_and_tells_scenes(out: Path) -> None:
    assert run("cmake", "-B", "build", cwd=out).returncode == 0
    assert run("cmake", "--build", "build", cwd=out).returncode == 0
    tested = run("ctest", "--test-dir", "build", cwd=out)
    assert tested.returncode == 0 and b"100% tests passed" in tested.stdout
    samples = np.tile(golden_samples(examples.FRONT_END), 2).astype("<i2")
    raw = run("build/scene_host", cwd=out, data=samples.tobytes())
    lines = [line.split("\t") for line in raw.stdout.decode().splitlines()]
    assert [line[0] for line in lines] == ["1.000", "1.250", "1.500", "1.750", "2.000"]
    assert {line[1] for line in lines} <= set(examples.CLASSES)
    stereo, more = np.repeat(samples, 2).tobytes(), b"LIST\x03\x00\x00\x00abc\x00"
    head = np.array([16, 1 + (2 << 16), 32_000, 128_000, 4 + (16 << 16)], "<u4").tobytes()
    wav = b"RIFF\x00\x00\x00\x00WAVEfmt " + head + more + b"data" + len(stereo).to_bytes(4, "little") + stereo
    assert run("build/scene_host", cwd=out, data=wav + b"rest").stdout == raw.stdout
    for wrong, message in ((wav.replace(b"\x00\x7d\x00\x00", b"\x80\x3e\x00\x00", 1), b"16000"), (b"RIFF", b"no WAV")):
        done = run("build/scene_host", cwd=out, data=wrong)
        assert done.returncode == 1 and message in done.stderr and done.stderr.count(b"\n") == 1


@pytest.mark.slow
def test_it_runs_on_an_emulated_processor_in_integers(student: Student, tmp_path: Path) -> None:
    for tool in ("cmake", "arm-none-eabi-gcc", "qemu-system-arm"):
        if not shutil.which(tool):
            pytest.skip(f"needs {tool}")
    core = "cortex-m0+"  # docs/firmware.md runs an M4
    out = EXPORTER.export(student, tmp_path / "out", examples.CLASSES, options=FirmwareOptions(target=core))
    flags = " ".join(STRICT[1:])
    made = run(
        *("cmake", "-S", "example/cortex-m", "-B", "b", "-D", f"CORE={core}", "-D", f"CMAKE_C_FLAGS={flags}"),
        *("-D", "CMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake"),
        cwd=out,
    )
    assert made.returncode == 0, made.stderr.decode()
    built = run("cmake", "--build", "b", cwd=out)
    assert built.returncode == 0, built.stderr.decode()
    tested = run("ctest", "--test-dir", "b", "-V", cwd=out)
    assert tested.returncode == 0 and b"1: pass" in tested.stdout, tested.stdout.decode()
    symbols = run("arm-none-eabi-nm", "b/scene.elf", cwd=out).stdout
    assert b"scene_push" in symbols and not re.search(rb"__aeabi_[fd]", symbols), "integers only"


@pytest.mark.slow
@pytest.mark.parametrize("core", ["cortex-m0+", "cortex-m4"])
def test_the_readme_states_stack_and_flash(core: str, exported: Path, tmp_path: Path) -> None:
    if not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("needs arm-none-eabi-gcc")
    built = build_folder(exported, CORES[core], tmp_path)
    text = (exported / "README.md").read_text()
    patterns = (
        "at most (.*) bytes in",
        "code on .*, about [|] (.*) [|]",
        "tables of the net [|] (.*) [|]",
        "tables of the front end [|] (.*) [|]",
    )
    stack, code, *tables = (int(re.findall(p, text)[0].replace(",", "")) for p in patterns)
    assert 0.5 * stack < built.stack.bytes <= stack and 0.7 * code < built.sizes.code < 1.4 * code
    assert sum(tables) == pytest.approx(built.sizes.tables, rel=0.01)
    assert built.sizes.data == built.sizes.bss == 0, "no variables"


def test_every_processor_is_in_the_table(exported: Path) -> None:
    text = (exported / "example" / "cortex-m" / "cores.cmake").read_text()
    assert re.findall(r'CORE STREQUAL "(.*)"', text) == list(CORES)


def test_names_of_scenes_are_any_text(student: Student, tmp_path: Path) -> None:
    out = EXPORTER.export(student, tmp_path / "out", NASTY)
    (out / "names.c").write_text(
        '#include <stdio.h>\n#include "scene.h"\n'
        "int main(void) { int i; for (i = 0; i < 3; i++) { fputs(scene_class_name(i), stdout); putchar(0); } return 0; }\n"
    )
    assert (
        run(
            "cc", *STRICT, "-I", "src", *sorted((out / "src").glob("*.c")), "names.c", "-lm", "-o", "n", cwd=out
        ).returncode
        == 0
    )
    assert tuple(run("./n", cwd=out).stdout.decode().split("\0")[:3]) == NASTY


def test_foreign_folders_are_refused(exported: Path, out: Path, student: Student, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    shutil.copytree(exported, tmp_path / "more")
    (tmp_path / "more" / "src" / "mine.c").write_text("mine")
    (out / "src" / "scene.c").write_text("mine")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    for name, message in (
        ("file", "is a file"),
        ("full", "notes.txt"),
        ("more", "mine.c"),
        ("student", "scene.c was changed"),
    ):
        with pytest.raises(UsageError, match=message) as e:
            EXPORTER.export(student, tmp_path / name, examples.CLASSES)
        assert "\n" not in str(e.value)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "full", "more", "student"]


def test_nothing_is_left_of_an_export_that_fails(
    student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.rename", fail)
    with pytest.raises(OSError, match="disk full"):
        EXPORTER.export(student, tmp_path / "out", examples.CLASSES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "hop", "numbers"),
    [
        ({}, 32_000, "float"),
        ({"hop": "250ms"}, 8000, "float"),
        ({"hop": "0.3s"}, 10_000, "float"),
        ({"hop": 1, "target": "cortex-m0+"}, 2000, "integer"),
        ({"target": "cortex-m0+", "arithmetic": "float"}, 32_000, "float"),
    ],
)
def test_options(options: dict[str, object], hop: int, numbers: str) -> None:
    found = FirmwareOptions(**options)  # type: ignore[arg-type]
    assert (found.decision_hop(examples.FRONT_END), found.numbers) == (hop, numbers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hop": "soon"}, "expected a time"),
        ({"hop": "0ms"}, "expected a time"),
        ({"target": "cortex-m5"}, "did you mean"),
        ({"arithmetic": "q15"}, "known: float, integer"),
        ({"smoothing": 1.0}, "expected a share"),
    ],
)
def test_wrong_options_are_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as e:
        FirmwareOptions(**options)  # type: ignore[arg-type]
    assert "\n" not in str(e.value)


def test_what_cannot_be_computed_is_refused(student: Student, tmp_path: Path) -> None:
    other = copy.deepcopy(student)
    a = other.architecture
    fe = FrontEnd.for_clip(40, 17, n_fft=3000, window=3000)
    other.architecture = Architecture(fe, a.stem, a.blocks, a.classes, a.stem_strides, a.padding)
    with pytest.raises(UsageError, match="n_fft 3000"):
        EXPORTER.export(other, tmp_path / "out", examples.CLASSES)
    assert list(tmp_path.iterdir()) == []


def open_folder(out: Path) -> None:
    RUNTIME.open(out, device=torch.device("cpu"), workers=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("src/scene.c", "src/scene.c is not what this version of hwasc writes"),
        ("src/scene_net_tables.c", "src/scene_net_tables.c is not what"),
        ("src/scene_model.h", "src/scene_model.h is not what"),
        ("src/mine.c", "holds src/mine.c, which is no part of the export"),
    ],
)
def test_a_changed_folder_is_not_run(out: Path, name: str, message: str) -> None:
    """A folder is code; only what hwasc itself would write is compiled."""
    with (out / name).open("a") as file:
        file.write("static int more;\n")
    about = json.loads((out / "scene.json").read_text())
    about["files"][name] = hashlib.sha256((out / name).read_bytes()).hexdigest()  # whoever changes it can change this
    (out / "scene.json").write_text(json.dumps(about))
    with pytest.raises(DataError, match=message) as e:
        open_folder(out)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("scene.json", b"{}", "no record of an export"),
        ("scene.json", b"{", "expected a folder that"),
        ("student.safetensors", b"x", "is not a .safetensors file"),
        (
            "scene.json",
            b'{"schema": 1, "format": "c", "files": {}, "options": {"hop": "soon"}}',
            "cannot be made again",
        ),
        ("scene.json", b'{"schema": 1, "format": "c", "files": {}, "options": {"hops": 1}}', "has no option 'hops'"),
        ("scene.json", b'{"schema": 1, "format": "c", "files": {}, "options": {"hop": {}, "smoothing": "a"}}', "again"),
    ],
)
def test_a_damaged_folder_is_named(out: Path, name: str, content: bytes, message: str) -> None:
    (out / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as e:
        open_folder(out)
    assert "\n" not in str(e.value)


def test_a_missing_compiler_is_named(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HwascError, match="no C compiler is installed"):
        open_folder(out)


def test_everything_that_is_copied_is_a_file_of_the_package() -> None:
    copied = copied_files(FirmwareOptions())
    assert not [name for name in copied if "integer" in name]
    assert {"src/scene.c", "example/host/main.c", "zephyr/Kconfig", "library.json"} <= set(copied)
    assert json.loads(copied["library.json"])["build"]["srcDir"] == "src"
