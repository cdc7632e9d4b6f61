"""`import hwasc` is quick and light, and lists what there is."""

from __future__ import annotations

import ast
import inspect
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hwasc

HOME = Path(hwasc.__file__).parent


def seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def test_importing_takes_at_most_a_tenth_of_a_second() -> None:
    """Fresh processes in turn, held against one that imports nothing; a busy machine slows both."""
    seconds("import hwasc")  # compiles it
    pairs = [(seconds("pass"), seconds("import hwasc")) for _ in range(7)]
    empty = statistics.median(e for e, _ in pairs)
    assert statistics.median(full - e for e, full in pairs) < max(0.1, empty)


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, json, hwasc; dir(hwasc); print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert "hwasc" in loaded
    assert not {"torch", "numpy", "pydantic", "yaml", "rich"} & set(loaded)
    assert [m for m in loaded if m.startswith("hwasc.")] == []


def test_dir_lists_every_public_name_and_each_is_there() -> None:
    assert dir(hwasc) == sorted(hwasc.__all__) and len(set(hwasc.__all__)) == len(hwasc.__all__)
    for name in hwasc.__all__:
        value = getattr(hwasc, name)
        assert name == "__version__" or (value.__name__ == name and value.__module__.startswith(hwasc._MODULES[name]))


def test_type_checkers_see_the_same_names_at_the_same_homes() -> None:
    tree = ast.parse(Path(hwasc.__file__).read_text())
    (guarded,) = (n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    seen = {a.asname: n.module for n in guarded.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert seen == hwasc._MODULES


def test_no_package_has_the_name_of_a_function() -> None:
    functions = {name for name in hwasc.__all__ if inspect.isfunction(getattr(hwasc, name))}
    assert {"open", "search", "distill", "teach", "evaluate", "profile", "export", "check", "submit"} <= functions
    assert not functions & {p.stem for p in HOME.iterdir()}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'hwasc' has no attribute 'serach'"):
        _ = hwasc.serach  # type: ignore[attr-defined]
