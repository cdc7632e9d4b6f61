"""`hwasc bench firmware`: the C export of an architecture on every emulated Cortex-M."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hwasc.deploy.firmware.emulation import Emulation, emulate
from hwasc.deploy.firmware.emulator import check_tools
from hwasc.deploy.firmware.toolchain import CORES, core
from hwasc.deploy.firmware.untrained import untrained_student
from hwasc.records.architecture import Architecture
from hwasc.records.run import environment


@dataclass(frozen=True, kw_only=True)
class FirmwareBench:
    """An architecture on emulated cores.

    Attributes:
        architecture: Its id.
        macs: Of the net.
        cores: What it takes of each core.
        environment: Command, versions, machine and date.
    """

    architecture: str
    macs: int
    cores: tuple[Emulation, ...]
    environment: dict[str, Any]


def bench_firmware(architecture: Architecture, cores: Sequence[str] = ()) -> FirmwareBench:
    """Export an architecture with random weights in C, build it for each core and run a clip of noise in the emulator.

    Args:
        architecture: The architecture.
        cores: Names of cores; none: all.

    Returns:
        Instructions, stack, flash and RAM by core.

    Raises:
        UsageError: A core is unknown, or the firmware does not have an operator of the net.
        HwascError: A compiler or the emulator is not installed; the message says what to install.
    """
    names = [core(name).name for name in cores] or list(CORES)
    check_tools()
    student = untrained_student(architecture)
    rows = tuple(emulate(architecture, name, student=student) for name in names)
    return FirmwareBench(architecture=architecture.id, macs=rows[0].macs, cores=rows, environment=environment())
