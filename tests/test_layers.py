"""The house: imports go downward only, the cost of a candidate needs no torch, modules stay small."""

from __future__ import annotations

import ast
import re
import statistics
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = [  # from the ground up; rooms on one floor do not import each other, but for what their own floor's line says
    {"errors", "suggestion"},
    {"registry"},
    {"parts"},
    {"progress"},
    {"records"},
    {"cost", "audio", "parallel", "tracking"},
    {"data"},
    {"models"},
    {"training"},
    {"deploy"},
    {"workspace"},
    {"ensemble"},
    {"nas"},
    {"students"},
    {"dcase", "bench"},
    {"testing"},
    {"report"},
    {"api"},
    {"cli"},
    {"__main__"},
]
FILES = sorted((ROOT / "hwasc").rglob("*.py"))


def floor(module: str) -> int:
    part = module.split(".")[1] if "." in module else "records"  # `hwasc` itself imports nothing
    return next(i for i, rooms in enumerate(FLOORS) if part in rooms)


def imports(path: Path, top_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_downward(path: Path) -> None:
    module = name_of(path)
    if module == "hwasc":
        return
    for other in imports(path):
        if other.startswith("hwasc.") and other.split(".")[1] != module.split(".")[1]:
            assert floor(other) < floor(module), f"{module} imports {other}, which is not on a floor below"


@pytest.mark.parametrize("path", [p for p in FILES if {"records", "cost"} & set(p.parts)], ids=name_of)
def test_records_and_costs_need_no_torch(path: Path) -> None:
    assert not {i for i in imports(path) if i.split(".")[0] in ("torch", "brevitas", "nni", "optuna")}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_modules_are_small_and_named_after_nothing_else(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
    assert path.stem in ("__init__", "__main__") or path.stem not in sys.stdlib_module_names


@pytest.mark.parametrize("path", [p for p in FILES if "brevitas" in p.read_text()], ids=name_of)
def test_brevitas_stays_behind_its_module(path: Path) -> None:
    if any(i.split(".")[0] == "brevitas" for i in imports(path)):
        assert name_of(path).startswith("hwasc.training.quantization.") or name_of(path) == "hwasc.deploy.onnx_qcdq"


@pytest.mark.parametrize("path", [p for p in FILES if "torch_pruning" in p.read_text()], ids=name_of)
def test_torch_pruning_stays_behind_its_module(path: Path) -> None:
    if any(i.split(".")[0] == "torch_pruning" for i in imports(path)):
        assert name_of(path) == "hwasc.training.pruning"


def test_the_overview_lists_the_floors() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text[text.index("## Floors") : text.index("## Longest paths")]
    listed = [set(re.findall("`([^`]+)`", line)) for line in section.splitlines() if re.match(r"\d+\. ", line)]
    assert listed == FLOORS[:-1], "docs/architecture.md and FLOORS differ"


def test_the_median_module_is_short() -> None:
    assert statistics.median(len(p.read_text().splitlines()) for p in FILES) <= 110
