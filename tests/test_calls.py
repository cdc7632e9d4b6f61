"""Arguments are named: no call has more than four positional ones."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p
    for p in sorted((ROOT / "hwasc").rglob("*.py"))
}
MOST = 4


def long_calls(path: Path) -> list[str]:
    """`line: function` of every call with more than four positional arguments; what a star unpacks is not counted."""
    calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    return [
        f"{call.lineno}: {ast.unparse(call.func)}"
        for call in calls
        if sum(not isinstance(a, ast.Starred) for a in call.args) > MOST
    ]


@pytest.mark.parametrize("module", MODULES)
def test_calls_name_their_arguments(module: str) -> None:
    assert long_calls(MODULES[module]) == []


def test_a_long_call_is_found(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("f(1, 2, 3, 4, key=5)\nf(1, 2, 3, 4, *rest)\nx.g(1, 2, 3, 4, 5)\n")
    assert long_calls(tmp_path / "m.py") == ["3: x.g"]
