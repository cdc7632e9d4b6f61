"""Flash of the C export's tables, before training, is what the compiler makes of them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hwasc.cost.firmware_flash import net_flash
from hwasc.cost.graph import Graph
from hwasc.cost.row_planner import plan_rows
from hwasc.deploy.constants import Quantized
from hwasc.deploy.firmware.host import SOURCES
from hwasc.deploy.firmware.net_numbers import Net
from hwasc.deploy.firmware.net_tables import tables_of
from hwasc.records.architecture import Architecture
from hwasc.records.presets import PRESETS
from tests.deploy.firmware import net_cases

GCC, NM = "arm-none-eabi-gcc", "arm-none-eabi-nm"
SECTIONS = {"weights": "weights", "bias": "biases", "multiplier": "multipliers", "shift": "shifts"}


def symbols(a: Architecture, graph: Graph, numbers: Quantized, folder: Path) -> dict[str, int]:
    """Sizes of the objects of a compiled net by name."""
    plan = plan_rows(graph, a.padding)
    tables = tables_of(Net(graph, numbers, plan.axis, a.padding), plan)
    source, made = folder / "scene_net_tables.c", folder / "tables.o"
    source.write_text(tables.text)
    (folder / "scene_model.h").write_text("\n".join(f"#define {k} {v}" for k, v in tables.macros.items()))
    command = [GCC, "-mcpu=cortex-m4", "-mthumb", "-Os", "-c", f"-I{SOURCES}", f"-I{folder}", str(source), "-o"]
    subprocess.run([*command, str(made)], check=True, timeout=60)
    lines = subprocess.run([NM, "-S", str(made)], check=True, timeout=60, capture_output=True, text=True).stdout
    return {f[3]: int(f[1], 16) for f in map(str.split, lines.splitlines()) if len(f) == 4}


@pytest.mark.skipif(not (shutil.which(GCC) and shutil.which(NM)), reason=f"no {GCC}: apt-get install gcc-arm-none-eabi")
@pytest.mark.parametrize("which", ["cp_mobile_8", "odd 3", "odd 4"])
def test_sections_are_those_of_the_compiled_tables(which: str, tmp_path: Path) -> None:
    a = PRESETS[which]() if which in PRESETS else net_cases.random_architecture(int(which[4:]))
    graph, numbers = net_cases.numbers(a)
    predicted = net_flash(graph, plan_rows(graph, a.padding))
    found = symbols(a, graph, numbers, tmp_path)
    for name, section in SECTIONS.items():
        sizes = [size for symbol, size in found.items() if symbol.startswith(f"scene_{name}_")]
        assert getattr(predicted, section) == sum(-(-size // 4) * 4 for size in sizes), section
    schedule = ("scene_rows_", "scene_cells_", "scene_net_buffers", "scene_net_segments")
    assert predicted.schedule == sum(size for symbol, size in found.items() if symbol.startswith(schedule))
    total = sum(-(-size // 4) * 4 for size in found.values())
    assert predicted.total <= total <= predicted.most
    if which in PRESETS:
        assert predicted.total == total
