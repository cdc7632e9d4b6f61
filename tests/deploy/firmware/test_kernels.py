"""The firmware's convolutions give the numbers of integer arithmetic, in every variant."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.firmware.kernel_cases import bytes_of, cases

HERE = Path(__file__).parent
SOURCES = Path(__file__).parents[3] / "hwasc" / "deploy" / "firmware" / "sources"
KERNELS = ("scene_pointwise.c", "scene_conv.c", "scene_depthwise.c")
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cases as a constant of a C program."""
    folder = tmp_path_factory.mktemp("cases")
    (folder / "cases.bin").write_bytes(b"".join(bytes_of(c) for c in cases(300)))
    symbols = f'cases_start:\\n.incbin \\"{folder}/cases.bin\\"\\ncases_end:\\n'
    (folder / "block.c").write_text(
        f'__asm__(".section .rodata\\n.global cases_start, cases_end\\n.balign 4\\n{symbols}.text\\n");\n'
    )
    return folder / "block.c"


def program(compiler: str, out: Path, block: Path, *flags: str) -> Path:
    """Compile the kernels with the cases."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    files = [*(SOURCES / k for k in KERNELS), HERE / "kernel_cases.c", block]
    subprocess.run([compiler, *flags, f"-I{SOURCES}", *map(str, files), "-o", str(out)], check=True, timeout=120)
    return out


@pytest.mark.parametrize(("compiler", "level"), [("gcc", "-O3"), ("clang", "-O2")])
def test_portable_kernels_equal_integer_arithmetic(compiler: str, level: str, block: Path, tmp_path: Path) -> None:
    sanitized = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    run = program(compiler, tmp_path / "cases", block, level, *sanitized)
    done = subprocess.run([run], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    assert done.stdout == "300 cases, 0 wrong\n"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warning(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    for kernel in KERNELS:
        call = [compiler, *WARNINGS, "-O2", "-c", str(SOURCES / kernel), "-o", str(tmp_path / "kernel.o")]
        subprocess.run(call, check=True, timeout=60)
