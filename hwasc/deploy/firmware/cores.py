"""The processors as CMake text, for the example on a bare Cortex-M."""

from __future__ import annotations

from hwasc.deploy.firmware.toolchain import CORES

HEAD = "# Written by hwasc: each processor's options for the compiler, and the board of QEMU that has it.\n"


def cores_text() -> str:
    """Write the table.

    Returns:
        The text of `cores.cmake`.
    """
    parts = []
    for i, core in enumerate(CORES.values()):
        places = {"CODE": core.code[0], "CODE_SIZE": core.code[1], "RAM": core.ram[0], "RAM_SIZE": core.ram[1]}
        memory = " ".join(f"-Wl,--defsym=SCENE_{name}={value:#x}" for name, value in places.items())
        parts.append(
            f'{"elseif" if i else "if"}(CORE STREQUAL "{core.name}")\n'
            f"    set(SCENE_CORE_FLAGS {' '.join(core.flags)})\n"
            f"    set(SCENE_BOARD {core.board})\n"
            f"    set(SCENE_BOARD_OPTIONS {' '.join(core.options)})\n"
            f"    set(SCENE_MEMORY {memory})\n"
        )
    known = ", ".join(CORES)
    return f'{HEAD}{"".join(parts)}else()\n    message(FATAL_ERROR "CORE is ${{CORE}}; known: {known}")\nendif()\n'
