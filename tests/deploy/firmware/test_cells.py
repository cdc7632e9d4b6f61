"""Steps on vectors give the same on emulated cores as on this machine, for every pair of stored numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hwasc.deploy.firmware.emulator import BOARD, run_image
from hwasc.deploy.firmware.host import SOURCES, compile_host, run_host
from hwasc.deploy.firmware.toolchain import CORES, compile_objects, link

QUOTIENTS = """
#include "scene_steps.h"
{head}
static int8_t a[256], b[1], out[256];
int main(void) {{
    static const scene_factor factors[3] = {{{{1610612736, 6}}, {{1073741824, -2}}, {{2147480000, 1}}}};
    uint32_t hash = 1;
    for (int f = 0; f < 3; f++)
        for (int d = -127; d < 128; d++) {{
            scene_pair pair = {{0}};
            const int8_t *rows[2] = {{a, b}};
            pair.columns = 1, pair.channels = 256, pair.step = 0, pair.out_min = -128, pair.b_zero = -128;
            pair.out = factors[f];
            for (int i = 0; i < 256; i++) a[i] = (int8_t)(i - 128);
            b[0] = (int8_t)d;
            scene_step_div(&pair, rows, 0, out);
            for (int i = 0; i < 256; i++) hash = hash * 31u + (uint8_t)out[i];
        }}
    {tell}
    return 0;
}}
"""
PROGRAM = ("scene_start", "scene_board")


@pytest.mark.slow
@pytest.mark.parametrize("core", ["cortex-m0+", "cortex-m4"])
def test_quotients_are_the_same_on_a_core(core: str, tmp_path: Path) -> None:
    for tool in ("cc", "arm-none-eabi-gcc", "qemu-system-arm"):
        if not shutil.which(tool):
            pytest.skip(f"needs {tool}")
    (tmp_path / "scene_model.h").write_text("")
    host = QUOTIENTS.format(head="#include <stdio.h>", tell='printf("%u", (unsigned)hash);')
    expected = run_host(
        compile_host({"main.c": host}, [SOURCES / "scene_cells.c"], tmp_path / "host", include=[SOURCES, tmp_path]), b""
    )
    chip = tmp_path / "main.c"
    chip.write_text(QUOTIENTS.format(head='#include "scene_board.h"', tell="scene_board_print_number(hash);"))
    sources = [chip, SOURCES / "scene_cells.c", *(BOARD / f"{name}.c" for name in PROGRAM)]
    objects = compile_objects(sources, CORES[core], tmp_path / "chip", include=[SOURCES, BOARD, tmp_path])
    image = link(objects, CORES[core], tmp_path / "chip.elf")
    assert run_image(image, CORES[core]) == expected.decode()
