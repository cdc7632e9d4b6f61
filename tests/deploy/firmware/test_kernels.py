"""The firmware's convolutions give the numbers of integer arithmetic in every variant, without more instructions than stated."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import hwasc
from hwasc.deploy.firmware import toolchain
from hwasc.deploy.firmware.emulator import EMULATOR, run_image
from hwasc.deploy.firmware.host import SOURCES, STRICT
from hwasc.records.architecture import Architecture
from tests.deploy.firmware.kernel_bench import BOARD, KERNELS, count_kernels, layers
from tests.deploy.firmware.kernel_cases import bytes_of, cases

HERE = Path(__file__).parent
CASES = 240
SANITIZED = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
needs_compiler = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason=f"no compiler for Cortex-M: {toolchain.INSTALL}"
)
needs_emulator = pytest.mark.skipif(shutil.which(EMULATOR) is None, reason=f"no emulator: {toolchain.INSTALL}")


@pytest.fixture(scope="module")
def block() -> bytes:
    """Random convolutions with their outputs."""
    return b"".join(bytes_of(c) for c in cases(CASES))


def links_sanitizers(compiler: str, folder: Path) -> bool:
    """Whether the compiler's sanitizers are installed; Debian's package clang only recommends them."""
    source = folder / "empty.c"
    source.write_text("int main(void) { return 0; }\n")
    return subprocess.run([compiler, *SANITIZED, source, "-o", folder / "empty"], capture_output=True).returncode == 0


@pytest.mark.parametrize(("compiler", "level"), [("gcc", "-O3"), ("clang", "-O2")])
def test_portable_kernels_equal_integer_arithmetic(compiler: str, level: str, block: bytes, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    if not links_sanitizers(compiler, tmp_path):
        pytest.skip(f"{compiler} has no sanitizers here: apt-get install libclang-rt-14-dev or the like")
    program, files = tmp_path / "cases", map(str, [*KERNELS, HERE / "kernel_cases.c"])
    call = [compiler, level, *SANITIZED, f"-I{SOURCES}", *files, "-o", str(program)]
    subprocess.run(call, check=True, timeout=120)
    done = subprocess.run([program], input=block, capture_output=True, timeout=60)
    assert done.stdout.decode() == f"{CASES} cases, 0 wrong\n", done.stderr.decode()[-2000:]


@needs_compiler
@needs_emulator
@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("cortex-m0+", ()),
        ("cortex-m3", ()),
        ("cortex-m4", ()),
        ("cortex-m4", ("-O3", "-fno-omit-frame-pointer")),
        ("cortex-m4", ("-O0",)),
        ("cortex-m33", ("-Os",)),
        ("cortex-m55", ()),
    ],
)
def test_every_variant_equals_integer_arithmetic(
    name: str, flags: tuple[str, ...], block: bytes, tmp_path: Path
) -> None:
    core = toolchain.core(name)
    files = [*KERNELS, HERE / "kernel_cases.c", BOARD / "scene_start.c", BOARD / "scene_board.c"]
    objects = toolchain.compile_objects(
        files, core, tmp_path, include=[SOURCES, BOARD], flags=["-DON_BOARD", *STRICT, *flags]
    )
    image = toolchain.link(objects, core, tmp_path / "cases.elf")
    assert run_image(image, core, data=block) == f"{CASES} cases, 0 wrong\n"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warning(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    for kernel in KERNELS:
        call = [compiler, *STRICT, "-O2", "-c", str(kernel), "-o", str(tmp_path / "kernel.o")]
        subprocess.run(call, check=True, timeout=60)


@needs_compiler
@needs_emulator
@pytest.mark.parametrize(
    ("net", "name", "most"),
    [
        (hwasc.dcase2024_baseline(), "cortex-m4", 2.1),
        (hwasc.cp_mobile(base=32), "cortex-m4", 1.95),
        (hwasc.dcase2024_baseline(), "cortex-m55", 0.8),
    ],
    ids=["baseline-m4", "cp_mobile-m4", "baseline-m55"],
)
def test_instructions_a_multiplication(net: Architecture, name: str, most: float, tmp_path: Path) -> None:
    spent = sum(count_kernels(net, toolchain.core(name), tmp_path).values())
    macs = sum(layers(net).macs.values())
    assert spent / macs < most
