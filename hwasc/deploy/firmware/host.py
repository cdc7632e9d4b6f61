"""C programs on this machine: compiled with the system's compiler, and run as processes of their own with a time limit."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwasc.cost.row_plan import RowPlan
from hwasc.deploy.firmware.net_numbers import Net
from hwasc.deploy.firmware.net_tables import TABLES, tables_of
from hwasc.errors import DataError, HwascError
from hwasc.parallel.tools import run_tool

SOURCES = Path(__file__).parent / "sources"
NET = ("scene_net.c", "scene_rows.c", "scene_cells.c", "scene_pointwise.c", "scene_conv.c", "scene_depthwise.c")
COMPILERS = ("cc", "gcc", "clang")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
COMPILE_TIMEOUT = 120.0  # s
RUN_TIMEOUT = 60.0  # s, besides what the input's length adds
RATE = 10_000  # bytes of input a second that any program manages


def compiler() -> tuple[str, ...]:
    """The system's C compiler.

    Returns:
        The command: the environment's CC, or the first of `COMPILERS` that is installed.

    Raises:
        HwascError: There is none.
    """
    named = shlex.split(os.environ.get("CC", ""))
    for command in [named] if named else [[name] for name in COMPILERS]:
        if shutil.which(command[0]):
            return tuple(command)
    raise HwascError("no C compiler is installed (CC, cc, gcc or clang): apt-get install gcc, or the like")


def compile_host(
    files: Mapping[str, str],
    sources: Sequence[Path],
    folder: Path,
    *,
    include: Sequence[Path] = (),
    flags: Sequence[str] = ("-O1",),
) -> Path:
    """Compile a program.

    Args:
        files: Texts that are written to the folder, by name; those that end in `.c` are compiled.
        sources: Other C files.
        folder: For the files and the program; it is made.
        include: Folders of headers, besides that folder.
        flags: For the compiler, besides C99.

    Returns:
        The program.

    Raises:
        HwascError: There is no compiler, or it refuses a file; the message has its first error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")
    program = folder / "program"
    own = [folder / name for name in files if name.endswith(".c")]
    folders = [f"-I{path}" for path in (folder, *include)]
    run_tool([*compiler(), "-std=c99", *flags, *folders, *own, *sources, "-lm", "-o", program], timeout=COMPILE_TIMEOUT)
    return program


def run_host(program: Path, data: bytes, *, timeout: float = RUN_TIMEOUT) -> bytes:
    """Run a program to its end.

    Args:
        program: Compiled by `compile_host`.
        data: Its standard input.
        timeout: Seconds, besides the time that the input's length gives.

    Returns:
        Its standard output.

    Raises:
        HwascError: It fails or takes too long.
    """
    return run_tool([program.resolve()], timeout=timeout + len(data) / RATE, data=data)


NET_MAIN = """\
/* Reads int8 features (frames, one after the other) from standard input, writes int8 logits. */
#include <stdio.h>

#include "scene_model.h"
#include "scene_net.h"

static union {
    int8_t bytes[SCENE_NET_BYTES];
    uint64_t aligned;
} memory;

int main(void) {
    static int8_t features[SCENE_FRAMES * SCENE_MELS], logits[SCENE_CLASSES];
    static uint16_t order[SCENE_FRAMES];
    for (uint16_t t = 0; t < SCENE_FRAMES; t++) {
        order[t] = t;
    }
    while (fread(features, sizeof features, 1, stdin) == 1) {
        scene_net_run(features, order, memory.bytes, logits);
        fwrite(logits, sizeof logits, 1, stdout);
    }
    return 0;
}
"""


@dataclass(frozen=True)
class HostNet:
    """A net as a program of this machine.

    Attributes:
        program: Its path.
        mels: Bands of the features.
        frames: Of a clip.
        classes: Number of logits.
    """

    program: Path
    mels: int
    frames: int
    classes: int

    def run(self, clips: np.ndarray) -> np.ndarray:
        """Run the net.

        Args:
            clips: int8 (n, mels, frames).

        Returns:
            int8 (n, classes).

        Raises:
            DataError: The clips have another shape, or the program wrote too little.
            HwascError: The program failed.
        """
        if clips.shape[1:] != (self.mels, self.frames):
            raise DataError(
                f"{self.program}: expects clips of {self.mels} x {self.frames}, found an array of {clips.shape}"
            )
        data = np.ascontiguousarray(clips.transpose(0, 2, 1), np.int8).tobytes()
        out = run_host(self.program, data)
        if len(out) != len(clips) * self.classes:
            raise DataError(f"{self.program}: wrote {len(out)} bytes of logits, expected {len(clips) * self.classes}")
        return np.frombuffer(out, np.int8).reshape(len(clips), self.classes)


def host_net(net: Net, plan: RowPlan, folder: Path, *, flags: Sequence[str] = ("-O1",)) -> HostNet:
    """Compile a net alone, without front end.

    Args:
        net: The net.
        plan: How it runs row by row.
        folder: For the files and the program.
        flags: For the compiler, besides C99.

    Returns:
        The program.

    Raises:
        UsageError: The firmware can't have the net.
        HwascError: There is no compiler.
    """
    tables = tables_of(net, plan)
    _, mels, frames, _ = net.graph.tensors[net.graph.inputs[0]]
    macros = {**tables.macros, "SCENE_MELS": str(mels), "SCENE_FRAMES": str(frames)}
    model = "".join(f"#define {name} {value}\n" for name, value in macros.items())
    files = {"scene_model.h": model, TABLES: tables.text, "main.c": NET_MAIN}
    program = compile_host(files, [SOURCES / name for name in NET], folder, include=[SOURCES], flags=flags)
    return HostNet(program, mels, frames, net.channels(net.graph.outputs[0]))
