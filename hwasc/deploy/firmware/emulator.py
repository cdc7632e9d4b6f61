"""Programs on an emulated Cortex-M: run with a time limit, instructions counted by the core's own clock, the same each time.

QEMU's `-icount shift=6` lets an instruction take 64 ns of the board's time, so that a tick of the core's SysTick (31 to 63 ns)
is shorter than an instruction. The programs in `sources/emulator` measure the ticks of a million instructions first, and print
lines of a name and a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hwasc.deploy.firmware.toolchain import INSTALL, SOURCES, Core, compile_objects, link, tool
from hwasc.errors import DataError
from hwasc.parallel.tools import find_tool, run_tool

EMULATOR = "qemu-system-arm"
TIMEOUT = 120.0  # s, for one run
MACHINE = (
    *("-display", "none", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native"),
    *("-icount", "shift=6"),
)
BOARD = SOURCES / "emulator"
PROGRAM = ("scene_start", "scene_board", "scene_profile")  # what every counting program has
PROFILE = ("-include", str(BOARD / "scene_profile.h"))
WRAPPED = ("-Wl,--wrap=scene_net_run", "-Wl,--wrap=scene_logmel_frame")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a counting program printed.

    Attributes:
        instructions: Instructions by name: `net`, `frame`, `clip`, `front_end`, as far as the program counts them.
        operators: Instructions by the number that the engine gives an operator.
        numbers: Other numbers by name: `stack` (bytes, painted), `frames`, `state` (bytes).
        values: The net's logits or the frame's features.
    """

    instructions: dict[str, int]
    operators: dict[int, int]
    numbers: dict[str, int]
    values: tuple[int, ...]


def check_tools() -> None:
    """Find compiler and emulator, before anything long begins.

    Raises:
        HwascError: One of them is not installed; the message says what to install.
    """
    tool("gcc")
    find_tool(EMULATOR, install=INSTALL)


def run_image(image: Path, target: Core, *, data: bytes = b"", timeout: float = TIMEOUT) -> str:
    """Run a program on the core's emulated board.

    Args:
        image: An ELF file, see `toolchain.link`.
        target: The core.
        data: What it reads by `scene_board_read`.
        timeout: Seconds until it is ended.

    Returns:
        What it printed.

    Raises:
        HwascError: The emulator is not installed; the program failed or did not end.
    """
    command = [find_tool(EMULATOR, install=INSTALL), "-M", target.board, *target.options, *MACHINE]
    return run_tool([*command, "-kernel", str(image)], timeout=timeout, data=data).decode(errors="replace")


def count(
    program: str,
    sources: Sequence[Path],
    target: Core,
    build: Path,
    *,
    include: Sequence[Path],
    flags: Sequence[str] = (),
) -> Counts:
    """Build a counting program with the firmware's sources, run it and read what it printed.

    Args:
        program: `net` or `frame`: a file `sources/emulator/scene_count_PROGRAM.c`.
        sources: The firmware's C files that it needs.
        target: The core.
        build: A folder for objects and image; it is made.
        include: Folders of the firmware's headers.
        flags: More options for the compiler.

    Returns:
        The counts.

    Raises:
        HwascError: A tool is not installed, or fails.
        DataError: The output is not that of a counting program.
    """
    files = [BOARD / f"{name}.c" for name in (*PROGRAM, f"scene_count_{program}")]
    objects = compile_objects([*sources, *files], target, build, include=[*include, BOARD], flags=[*PROFILE, *flags])
    image = link(objects, target, build / f"{program}.elf")
    return parse(run_image(image, target), source=image)


def parse(text: str, *, source: Path) -> Counts:
    """Read the lines of a counting program.

    Args:
        text: What it printed.
        source: The program, for messages.

    Returns:
        The counts.

    Raises:
        DataError: A line is not of the expected form, or the ticks of a million instructions are missing.
    """
    instructions: dict[str, float] = {}
    operators: dict[int, float] = {}
    numbers: dict[str, int] = {}
    values: list[int] = []
    million = 0
    try:
        for line in text.splitlines():
            name, *found = line.split()
            if name == "million":
                million = int(found[0])
            elif name == "operator":
                operators[int(found[0])] = int(found[1]) * 1e6 / million
            elif name in ("logit", "feature"):
                values.append(int(found[0]))
            elif name in ("net", "frame", "clip", "front_end"):
                instructions[name] = int(found[0]) * 1e6 / million
            else:
                numbers[name] = int(found[0])
    except (ValueError, IndexError, ZeroDivisionError):
        raise DataError(f"{source}: the emulated program printed '{line:.80}', expected a name and a number") from None
    return Counts(
        instructions={k: round(v) for k, v in instructions.items()},
        operators={k: round(v) for k, v in operators.items()},
        numbers=numbers,
        values=tuple(values),
    )
