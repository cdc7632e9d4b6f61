"""The files of the C export that are copied as they are, and where they go."""

from __future__ import annotations

from hwasc.cost.firmware_front_end import Arithmetic
from hwasc.deploy.firmware.front_end_tables import front_end_sources
from hwasc.deploy.firmware.host import SOURCES
from hwasc.deploy.firmware.options import FirmwareOptions

PLACES = {  # folders and files of `sources`, and where they go
    "host": "example/host",
    "cortex_m": "example/cortex-m",
    "selftest": "selftest",
    "packaging/CMakeLists.txt": "CMakeLists.txt",
    "packaging/library.json": "library.json",
    "packaging/library.properties": "library.properties",
    "packaging/idf_component.yml": "idf_component.yml",
    "packaging/zephyr_module.yml": "zephyr/module.yml",
    "packaging/zephyr_CMakeLists.txt": "zephyr/CMakeLists.txt",
    "packaging/zephyr_Kconfig": "zephyr/Kconfig",
    **{
        f"emulator/{name}": f"example/cortex-m/{name}"
        for name in ("scene_start.c", "scene_board.c", "scene_board.h", "scene_board.ld")
    },
}


def copied(options: FirmwareOptions) -> dict[str, bytes]:
    """The files that are copied as they are.

    Args:
        options: Of the format; each arithmetic has sources of its own.

    Returns:
        Contents by path within the folder.
    """
    other: Arithmetic = "float" if options.numbers == "integer" else "integer"
    left_out = set(front_end_sources(other)) - set(front_end_sources(options.numbers))
    found = {f"src/{p.name}": p for p in SOURCES.iterdir() if p.is_file() and p.name not in left_out}
    for name, to in PLACES.items():
        place = SOURCES / name
        found |= {f"{to}/{p.name}": p for p in place.iterdir()} if place.is_dir() else {to: place}
    return {name: found[name].read_bytes() for name in sorted(found) if found[name].suffix not in (".pyc", ".orig")}
