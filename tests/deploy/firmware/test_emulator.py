"""Emulated boards: known counts come back on every core, the same each time; the stack's bound holds; sizes are the linker's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hwasc.deploy.firmware import toolchain
from hwasc.deploy.firmware.emulator import EMULATOR, count, parse
from hwasc.deploy.firmware.sizes import read_map
from hwasc.deploy.firmware.stack import stack_bound
from hwasc.errors import DataError, HwascError, UsageError

STAND_IN = Path(__file__).parent / "stand_in"
NET = [STAND_IN / "scene_net.c", STAND_IN / "scene_net_tables.c"]
needs_compiler = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason=f"no compiler for Cortex-M: {toolchain.INSTALL}"
)
needs_emulator = pytest.mark.skipif(shutil.which(EMULATOR) is None, reason=f"no emulator: {toolchain.INSTALL}")


@needs_compiler
@needs_emulator
@pytest.mark.parametrize("name", toolchain.CORES)
def test_known_counts_come_back_on_every_core(name: str, tmp_path: Path) -> None:
    core = toolchain.core(name)
    found = count("net", NET, core, tmp_path, include=[STAND_IN])
    assert set(found.operators) == {0, 7}
    assert found.operators[0] == pytest.approx(1000, abs=60)  # ten rows of 100 and their set-up
    assert found.operators[7] == pytest.approx(3000, abs=60)
    assert found.operators[7] - found.operators[0] == pytest.approx(2000, abs=10)
    assert found.values == (10, 21, 32)
    usage = list(tmp_path.glob("*.su"))
    bound = stack_bound(tmp_path / "net.elf", usage, "scene_net_run")
    assert bound.path[1].startswith("deep") and 400 < found.numbers["stack"] <= bound.bytes < 600


@needs_compiler
@needs_emulator
def test_a_second_run_counts_the_same(tmp_path: Path) -> None:
    core = toolchain.core("cortex-m4")
    first, again = (count("net", NET, core, tmp_path / str(i), include=[STAND_IN]) for i in range(2))
    assert first == again and first.instructions["net"] > 4000


@needs_compiler
def test_sizes_tell_code_from_tables(tmp_path: Path) -> None:
    core = toolchain.core("cortex-m4")
    objects = toolchain.compile_objects([*NET, STAND_IN / "scene.c"], core, tmp_path, include=[STAND_IN])
    toolchain.link_firmware(objects, core, tmp_path / "firmware.elf")
    sizes = read_map(tmp_path / "firmware.elf.map")
    assert sizes.tables == 1000 and sizes.data == sizes.bss == 0
    assert set(sizes.files) == {"scene_net", "scene"} and 50 < sizes.code < 400
    assert sizes.flash == sizes.code + 1000


@needs_compiler
@pytest.mark.parametrize("name", ["cortex-m0+", "cortex-m4", "cortex-m33"])
def test_the_bound_follows_pointers_and_refuses_what_has_none(name: str, tmp_path: Path) -> None:
    source = tmp_path / "calls.c"
    source.write_text(
        "#define ROOM(n) volatile int room[n]; room[k % n] = k\n"
        "int scene_step_a(int k), scene_step_b(int k), scene_init(int k), scene_push(int k), scene_stored_logits(int k);\n"
        "int scene_step_a(int k) { ROOM(10); return room[1]; }\n"
        "int scene_step_b(int k) { ROOM(300); return room[2]; }\n"
        "int (*const volatile scene_steps[2])(int) = {scene_step_a, scene_step_b};\n"
        "int scene_init(int k) { ROOM(50); return scene_steps[k & 1](k) + room[3]; }\n"
        "int scene_stored_logits(int k) { ROOM(9); return k < 9 ? scene_stored_logits(k + 1) + room[0] : 0; }\n"
        "int scene_push(int k) { volatile int room[k + 1]; room[k] = k; return room[k]; }\n"
        "int scene_class(int k) { return k; }\nint scene_class_name(int k) { return k; }\n"
    )
    core = toolchain.core(name)
    objects = toolchain.compile_objects([source], core, tmp_path, flags=["-fno-optimize-sibling-calls"])
    image = toolchain.link_firmware(objects, core, tmp_path / "a.elf")
    usage = [tmp_path / "calls.su"]
    stated = dict(line.split(":")[-1].split("\t")[:2] for line in usage[0].read_text().splitlines())
    with pytest.raises(DataError, match="its stack is not bounded"):
        stack_bound(image, usage, "scene_push")
    usage[0].write_text("".join(f"calls.c:1:1:{k}\t{v}\tstatic\n" for k, v in stated.items() if k != "scene_push"))
    found = stack_bound(image, usage, "scene_init")
    assert found.path[:2] == ("scene_init", "scene_step_b")  # on an M0+ it calls a division
    assert found.bytes >= sum(int(stated[f]) for f in found.path[:2]) > 1400
    if name != "cortex-m0+":  # where a large frame is an addition of a register; the libraries' frames are small
        assert stack_bound(image, [], "scene_init").bytes == found.bytes, "the disassembly tells the same"
    with pytest.raises(DataError, match="calls itself"):
        stack_bound(image, usage, "scene_stored_logits")
    with pytest.raises(DataError, match="no function scene_net_run"):
        stack_bound(image, usage, "scene_net_run")


def test_missing_tools_are_named_with_what_installs_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HwascError, match="arm-none-eabi-gcc is not installed: apt-get install gcc-arm-none-eabi"):
        count("net", NET, toolchain.core("cortex-m4"), tmp_path, include=[STAND_IN])


def test_an_unknown_core_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="'cortex-m5' is not known"):
        toolchain.core("cortex-m5")


def test_output_of_another_program_is_refused() -> None:
    with pytest.raises(DataError, match="printed 'net 5'"):
        parse("net 5\n", source=Path("a.elf"))
