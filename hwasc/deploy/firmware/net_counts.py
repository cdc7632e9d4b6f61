"""Instructions of a student's net on an emulated core, by operator, from its tables and the net's C files alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hwasc.cost import graph as deployment
from hwasc.cost.firmware_work import LOAD
from hwasc.cost.graph import Graph
from hwasc.cost.row_plan import RowPlan
from hwasc.cost.row_planner import plan_rows
from hwasc.deploy.firmware.emulator import count
from hwasc.deploy.firmware.host import NET
from hwasc.deploy.firmware.net_tables import TABLES, net_tables
from hwasc.deploy.firmware.toolchain import SOURCES, Core
from hwasc.models.student import Student


@dataclass(frozen=True, kw_only=True)
class NetCounts:
    """Instructions of a net.

    Attributes:
        graph: The deployment graph.
        plan: How it runs row by row.
        total: Instructions of a clip.
        operators: Instructions by number of the operator.
        stack: Bytes that were used, painted.
        logits: Of pseudo-random features.
    """

    graph: Graph
    plan: RowPlan
    total: int
    operators: dict[int, int]
    stack: int
    logits: tuple[int, ...]

    @property
    def loop(self) -> int:
        """Instructions that no operator takes: choosing the next row, copying the features."""
        return self.total - sum(self.operators.values())


def count_net(model: Student, core: Core, build: Path, *, flags: Sequence[str] = ()) -> NetCounts:
    """Count the instructions of a student's net.

    Args:
        model: Quantized, and calibrated or trained.
        core: The core.
        build: A folder for what is written and compiled; it is made.
        flags: More options for the compiler.

    Returns:
        The counts, the same each time.

    Raises:
        HwascError: A tool is not installed.
        UsageError: The firmware does not have an operator of the net.
    """
    graph = deployment.build(model.architecture)
    plan = plan_rows(graph, model.architecture.padding)
    tables = net_tables(model, graph, plan)
    fe = model.architecture.front_end
    build.mkdir(parents=True, exist_ok=True)
    (build / TABLES).write_text(tables.text, encoding="ascii")
    macros = {**tables.macros, "SCENE_MELS": str(fe.mels), "SCENE_FRAMES": str(fe.frames)}
    text = "".join(f"#define {name} {value}\n" for name, value in macros.items())
    (build / "scene_model.h").write_text(text, encoding="ascii")
    sources = [build / TABLES, *(SOURCES / name for name in NET)]
    found = count("net", sources, core, build, include=[build, SOURCES], flags=flags)
    return NetCounts(
        graph=graph,
        plan=plan,
        total=found.instructions["net"],
        operators={k: v for k, v in found.operators.items() if k != LOAD},
        stack=found.numbers.get("stack", 0),
        logits=found.values,
    )
