"""Public functions and classes say what they are for, and records and functions of several parameters describe each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p
    for p in sorted((ROOT / "hwasc").rglob("*.py"))
}
SEVERAL = 2

Function = ast.FunctionDef | ast.AsyncFunctionDef


def lacking(path: Path) -> list[str]:
    """`line: name: what its docstring lacks` of a module's public functions and classes."""
    return list(_lacking(ast.parse(path.read_text())))


def _lacking(scope: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in scope.body:
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
            continue
        missing = _of_class(node) if isinstance(node, ast.ClassDef) else _of_function(node)
        if missing:
            yield f"{node.lineno}: {node.name}: {', '.join(missing)}"
        if isinstance(node, ast.ClassDef):
            yield from _lacking(node)


def _of_class(node: ast.ClassDef) -> list[str]:
    text = ast.get_docstring(node)
    targets = [n.target for n in node.body if isinstance(n, ast.AnnAssign)]
    fields = [t.id for t in targets if isinstance(t, ast.Name) and not t.id.startswith("_")]
    if not text:
        return ["docstring"]
    return ["Attributes"] if len(fields) >= SEVERAL and "Attributes:" not in text else []


def _of_function(node: Function) -> list[str]:
    if node.name in ("forward", "backward") or any("overload" in ast.unparse(d) for d in node.decorator_list):
        return []  # torch describes the former
    text, a = ast.get_docstring(node), node.args
    if not text:
        return ["docstring"]
    if text.startswith("See `"):
        return []  # a method of a protocol, which describes it once
    parameters = [p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs) if p.arg not in ("self", "cls")]
    if len(parameters) < SEVERAL:
        return []
    gives = node.returns is not None and ast.unparse(node.returns) != "None"
    wanted = [("Args", "Args:" not in text), ("Returns", gives and "Returns:" not in text and "Yields:" not in text)]
    return [section for section, absent in wanted if absent]


@pytest.mark.parametrize("module", MODULES)
def test_docstrings_are_complete(module: str) -> None:
    assert lacking(MODULES[module]) == []


def test_what_is_lacking_is_found(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(
        "def f(a, b) -> int:\n    'Adds.'\n"
        "def g(a, b) -> None:\n    '''Adds.\\n\\n    Args:\\n        a: One.\\n        b: Two.\\n    '''\n"
        "def h(): ...\n"
        "def i(a, b) -> int:\n    'See `Base`.'\n"
        "def _k(): ...\n"
        "class C:\n    'A record.'\n    a: int\n    b: int\n    def m(self, a) -> int:\n        'Adds.'\n"
    )
    assert lacking(tmp_path / "m.py") == ["1: f: Args, Returns", "5: h: docstring", "9: C: Attributes"]
