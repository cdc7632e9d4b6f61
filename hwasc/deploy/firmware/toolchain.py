"""Arm's compiler for the firmware: the cores, what is asked of the compiler for each, objects and linked images.

GCC and newlib for Arm (`arm-none-eabi-gcc`). The objects come with what they put on the stack (`-fstack-usage`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwasc.errors import UsageError
from hwasc.parallel.tools import find_tool, run_tool
from hwasc.suggestion import did_you_mean

PREFIX = "arm-none-eabi-"
INSTALL = "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"
SOURCES = Path(__file__).parent / "sources"
COMPILE = ("-std=c99", "-O2", "-mthumb", "-ffunction-sections", "-fdata-sections", "-fstack-usage")
# What a program calls
INTERFACE = ("scene_init", "scene_push", "scene_class", "scene_class_name", "scene_stored_logits")
TIMEOUT = 120.0  # s, for one call of the compiler


@dataclass(frozen=True, kw_only=True)
class Core:
    """A Cortex-M core and the board of QEMU that has it.

    Attributes:
        name: As in budgets, such as `cortex-m4`.
        flags: Its options for the compiler.
        board: QEMU's board.
        options: More options for QEMU.
        code: Address and size of the memory for code and constants.
        ram: Address and size of the memory for data and stack.
    """

    name: str
    flags: tuple[str, ...]
    board: str
    options: tuple[str, ...] = ()
    code: tuple[int, int] = (0, 4 << 20)
    ram: tuple[int, int] = (0x2000_0000, 4 << 20)


def _hard(cpu: str, fpu: str) -> tuple[str, ...]:
    return f"-mcpu={cpu}", "-mfloat-abi=hard", f"-mfpu={fpu}"


# QEMU has no board with a Cortex-M0+. Its Cortex-M0 runs the same instructions (Armv6-M), here with larger memories than the
# micro:bit's own. The M33 starts in the secure state, at the secure addresses; the M55's code lies in its ITCM.
CORES: dict[str, Core] = {
    core.name: core
    for core in (
        Core(
            name="cortex-m0+",
            flags=("-mcpu=cortex-m0plus", "-mfloat-abi=soft"),
            board="microbit",
            options=(
                *("-global", f"nrf51-soc.flash-size={1 << 20}"),
                *("-global", f"nrf51-soc.sram-size={1 << 20}"),
            ),
            code=(0, 1 << 20),
            ram=(0x2000_0000, 1 << 20),
        ),
        Core(name="cortex-m3", flags=("-mcpu=cortex-m3", "-mfloat-abi=soft"), board="mps2-an385"),
        Core(name="cortex-m4", flags=_hard("cortex-m4", "fpv4-sp-d16"), board="mps2-an386"),
        Core(name="cortex-m7", flags=_hard("cortex-m7", "fpv5-sp-d16"), board="mps2-an500"),
        Core(
            name="cortex-m33",
            flags=_hard("cortex-m33", "fpv5-sp-d16"),
            board="mps2-an505",
            code=(0x1000_0000, 4 << 20),
            ram=(0x3800_0000, 4 << 20),
        ),
        Core(
            name="cortex-m55",
            flags=("-mcpu=cortex-m55", "-mfloat-abi=hard"),
            board="mps3-an547",
            code=(0, 512 << 10),
            ram=(0x2100_0000, 4 << 20),
        ),
    )
}


def core(name: str) -> Core:
    """Find a core.

    Args:
        name: See `CORES`.

    Returns:
        The core.

    Raises:
        UsageError: It is unknown; the message suggests the nearest.
    """
    if name not in CORES:
        raise UsageError(f"core '{name}' is not known{did_you_mean(name.lower(), CORES)} (known: {', '.join(CORES)})")
    return CORES[name]


def tool(name: str) -> str:
    """Find a program of the toolchain.

    Args:
        name: Without its prefix, such as `gcc`.

    Returns:
        Its path.

    Raises:
        HwascError: It is not installed; the message says what to install.
    """
    return find_tool(PREFIX + name, install=INSTALL)


def compile_objects(
    sources: Iterable[Path],
    target: Core,
    into: Path,
    *,
    include: Sequence[Path] = (),
    flags: Sequence[str] = (),
) -> list[Path]:
    """Compile C files.

    Args:
        sources: The files; their names differ.
        target: The core.
        into: A folder for the objects and for what they put on the stack (.su); it is made.
        include: Folders of headers.
        flags: More options.

    Returns:
        The objects, in the order of the files.

    Raises:
        HwascError: The compiler is not installed, or refuses a file.
    """
    into.mkdir(parents=True, exist_ok=True)
    files = [s.resolve() for s in sources]
    folders = [f"-I{folder.resolve()}" for folder in include]
    run_tool(
        [tool("gcc"), *COMPILE, *target.flags, *folders, *flags, "-c", *map(str, files)],
        timeout=TIMEOUT,
        cwd=into.resolve(),
    )
    return [into / f"{f.stem}.o" for f in files]


def link(objects: Sequence[Path], target: Core, image: Path, *, flags: Sequence[str] = ()) -> Path:
    """Link a program that runs on the core's board.

    Args:
        objects: Of the firmware and of `sources/emulator`.
        target: The core.
        image: The file to write; `IMAGE.map` beside it says what came from where.
        flags: More options.

    Returns:
        The image.

    Raises:
        HwascError: The linker is not installed, or refuses an object.
    """
    places = {"CODE": target.code[0], "CODE_SIZE": target.code[1], "RAM": target.ram[0], "RAM_SIZE": target.ram[1]}
    symbols = [f"-Wl,--defsym=SCENE_{name}={value}" for name, value in places.items()]
    script = SOURCES / "emulator" / "scene_board.ld"
    return _link(objects, target, image, (*symbols, "-T", str(script), *flags))


def link_firmware(objects: Sequence[Path], target: Core, image: Path) -> Path:
    """Link the firmware alone, without start-up code and main: what it adds to a program that calls its interface.

    Args:
        objects: Of the firmware.
        target: The core.
        image: As for `link`.

    Returns:
        The image; it does not run.

    Raises:
        HwascError: The linker is not installed, or refuses an object.
    """
    kept = [f"-Wl,-u,{name}" for name in INTERFACE]
    return _link(objects, target, image, ("-Wl,-e,scene_push", *kept))


def _link(objects: Sequence[Path], target: Core, image: Path, flags: Sequence[str]) -> Path:
    files = [str(o) for o in objects]
    command = [tool("gcc"), *target.flags, "-mthumb", "-nostartfiles", "-Wl,--gc-sections", *files, *flags]
    run_tool([*command, f"-Wl,-Map,{image}.map", "-lm", "-o", str(image)], timeout=TIMEOUT)
    return image
