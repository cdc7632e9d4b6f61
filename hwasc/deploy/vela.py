"""Arm Vela's estimate for an Ethos-U processor: a .tflite compiled for it in a child process, and the summary read back.

Vela is Arm's compiler (`ethos-u-vela` on PyPI); the estimate is its own performance model, for its own example systems.
"""

from __future__ import annotations

import csv
import importlib.util
import re
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from hwasc.deploy.flatfile import read_metadata
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.parallel.children import PIPES, finish, start_module
from hwasc.suggestion import did_you_mean

SYSTEMS = {  # Vela's example system and memory mode (Arm/vela.ini) for each family, and its sizes in MACs a cycle
    "ethos-u55": ("Ethos_U55_High_End_Embedded", "Shared_Sram", (32, 64, 128, 256)),
    "ethos-u65": ("Ethos_U65_High_End", "Dedicated_Sram", (256, 512)),
    "ethos-u85": ("Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram", (128, 256, 512, 1024, 2048)),
}
ACCELERATORS = tuple(f"{family}-{size}" for family, (_, _, sizes) in SYSTEMS.items() for size in sizes)
TIMEOUT = 300.0  # s


@dataclass(frozen=True, kw_only=True)
class NpuEstimate:
    """Vela's estimate for one inference.

    Attributes:
        tool: Vela and its version.
        accelerator: The processor, see `ACCELERATORS`.
        system: Vela's example system.
        milliseconds: Time without operators that are left to the CPU.
        clock_mhz: Clock of the accelerator.
        sram: Bytes of SRAM.
        flash: Bytes of compressed weights and commands, in whichever memory the example system stores them.
        npu_operators: Operators on the accelerator.
        cpu_operators: Operators left to the CPU.
    """

    tool: str
    accelerator: str
    system: str
    milliseconds: float
    clock_mhz: float
    sram: int
    flash: int
    npu_operators: int
    cpu_operators: int


def estimate(model: Path, accelerator: str = "ethos-u55-128") -> NpuEstimate:
    """Compile a .tflite file for an accelerator and read Vela's summary.

    Args:
        model: The file.
        accelerator: See `ACCELERATORS`.

    Returns:
        The estimate.

    Raises:
        UsageError: The accelerator is unknown.
        HwascError: Vela is not installed.
        DataError: Vela cannot compile the file.
    """
    if accelerator not in ACCELERATORS:
        suggestion = did_you_mean(accelerator, ACCELERATORS)
        raise UsageError(f"unknown accelerator '{accelerator}'{suggestion} (known: {', '.join(ACCELERATORS)})")
    if importlib.util.find_spec("ethosu") is None:
        raise HwascError(
            "estimates for Ethos-U need Arm Vela: pip install 'hwasc[vela]'; the rest of hwasc works without"
        )
    read_metadata(model)
    system, memory, _ = SYSTEMS[accelerator.rpartition("-")[0]]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *("ethosu.vela", str(model.resolve())),
            *("--accelerator-config", accelerator, "--output-dir", folder),
            *("--config", "Arm/vela.ini", "--system-config", system, "--memory-mode", memory),
        ]
        try:
            child = start_module(*command, **PIPES, cwd=folder)
            output, errors = finish(child, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise DataError(f"{model}: Vela did not finish within {TIMEOUT:g} s") from None
        summaries = sorted(Path(folder).glob("*_summary_*.csv"))
        if child.returncode != 0 or not summaries:
            lines = [y.strip() for y in (errors + "\n" + output).splitlines() if y.strip()]
            raise DataError(f"{model}: Vela cannot compile it ({lines[-1][:160] if lines else 'it gave no reason'})")
        with summaries[0].open(newline="") as f:
            row = next(csv.DictReader(f))
    operators = {m[1]: int(m[2]) for m in re.finditer(r"(CPU|NPU) operators = (\d+)", output)}
    stored = sum(float(row[f"{kind}_memory_used"]) for kind in ("dram", "on_chip_flash", "off_chip_flash"))
    return NpuEstimate(
        tool=f"vela {metadata.version('ethos-u-vela')}",
        accelerator=accelerator,
        system=system,
        milliseconds=round(1000 * float(row["inference_time"]), 4),
        clock_mhz=float(row["core_clock"]) / 1e6,
        sram=round(1024 * float(row["sram_memory_used"])),
        flash=round(1024 * stored),
        npu_operators=operators.get("NPU", 0),
        cpu_operators=operators.get("CPU", 0),
    )
