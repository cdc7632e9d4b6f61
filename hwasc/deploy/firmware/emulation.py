"""An architecture's C export on an emulated core, with random weights: instructions of a clip by layer, stack, flash, RAM.

Instruction counts hardly depend on the weights: only on where an output is clamped and on scales above 1.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hwasc.cost import graph as deployment
from hwasc.cost.firmware_latency import LOOP, estimate_c
from hwasc.deploy.firmware.emulator import check_tools
from hwasc.deploy.firmware.exporter import EXPORTER
from hwasc.deploy.firmware.measuring import Measured, measure_folder
from hwasc.deploy.firmware.options import FirmwareOptions
from hwasc.deploy.firmware.toolchain import core
from hwasc.deploy.firmware.untrained import untrained_student
from hwasc.models.student import Student
from hwasc.records.architecture import Architecture


@dataclass(frozen=True, kw_only=True)
class EmulatedLayer:
    """Instructions of a layer.

    Attributes:
        name: Of the layer; `engine` for the loop that calls them all.
        macs: Multiply-accumulates.
        instructions: Of a clip.
        estimate: The same by the model that budgets use.
    """

    name: str
    macs: int
    instructions: int
    estimate: int


@dataclass(frozen=True, kw_only=True)
class Emulation:
    """What an architecture takes of an emulated core.

    Attributes:
        core: Its name.
        arithmetic: Of the log-mel: `float` or `integer`.
        instructions: Of a clip, from its first sample to its logits.
        front_end: Of these, the log-mel's.
        frames: Of the clip.
        net: Of these, the net's.
        macs: Of the net's convolutions.
        estimate: Instructions by the model that budgets use.
        stack: Bytes, painted.
        stack_bound: Bytes, by the compiler's figures.
        program: Bytes of code in flash.
        tables: Bytes of the model's tables in flash.
        ram: Bytes of the state.
        layers: Instructions of the net by layer.
    """

    core: str
    arithmetic: str
    instructions: int
    front_end: int
    frames: int
    net: int
    macs: int
    estimate: int
    stack: int
    stack_bound: int
    program: int
    tables: int
    ram: int
    layers: tuple[EmulatedLayer, ...]

    @property
    def per_mac(self) -> float:
        """Instructions of the net for each multiply-accumulate."""
        return self.net / self.macs


def emulate(architecture: Architecture, name: str, *, student: Student | None = None) -> Emulation:
    """Export an architecture in C, build it for a core and run a clip of noise in the emulator.

    Args:
        architecture: The architecture.
        name: Of the core, see `toolchain.CORES`.
        student: With its weights; None: random ones.

    Returns:
        What it takes; the same each time.

    Raises:
        UsageError: The core is unknown, or the firmware does not have an operator of the net.
        HwascError: A compiler or the emulator is not installed; the message says what to install.
    """
    target, options = core(name), FirmwareOptions(target=name)
    check_tools()
    student = student or untrained_student(architecture)
    classes = tuple(f"class {i + 1}" for i in range(architecture.classes))
    with tempfile.TemporaryDirectory() as temporary:
        folder = EXPORTER.export(student, Path(temporary) / "scene", classes, options=options)
        found = measure_folder(folder, target, Path(temporary) / "build")
    return _emulation(architecture, found, options.numbers)


def _emulation(architecture: Architecture, found: Measured, arithmetic: str) -> Emulation:
    graph = deployment.build(architecture)
    model = estimate_c(architecture, found.core, 1.0)
    macs = dict.fromkeys((op.layer for op in graph.operators), 0)
    counted = dict.fromkeys(macs, 0) | {LOOP: found.loop}
    for number, op in enumerate(graph.operators):
        macs[op.layer] += op.macs
        counted[op.layer] += found.operators.get(number, 0)
    layers = tuple(
        EmulatedLayer(name=name, macs=macs.get(name, 0), instructions=counted[name], estimate=estimate)
        for name, estimate in model.layers
    )
    return Emulation(
        core=found.core,
        arithmetic=arithmetic,
        instructions=found.clip,
        front_end=found.front_end,
        frames=found.frames,
        net=found.net,
        macs=sum(op.macs for op in graph.operators),
        estimate=model.instructions,
        stack=found.stack,
        stack_bound=found.stack_bound,
        program=found.sizes.code,
        tables=found.sizes.tables,
        ram=found.state,
        layers=layers,
    )
