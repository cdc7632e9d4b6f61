"""Registries: built-in parts come lazily, others by decorator or from installed packages; every mistake is one clear line."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hwasc.errors import UsageError
from hwasc.registry import Registry


def registry() -> Registry[object]:
    return Registry("shape", "hwasc_test.shapes", {"pair": "fractions:Fraction", "deck": "collections:deque"})


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Make packages importable with entry points, as pip would leave them."""

    def add(package: str, entries: dict[str, str], source: str = "") -> None:
        (tmp_path / f"{package}.py").write_text(source)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in entries.items()]
        (info / "entry_points.txt").write_text("[hwasc_test.shapes]\n" + "\n".join(lines) + "\n")

    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    before = set(sys.modules)
    yield add
    for name in set(sys.modules) - before:
        if name.startswith("little_"):
            del sys.modules[name]


def test_built_in_parts_are_imported_when_asked_for() -> None:
    code = (
        "import sys; from hwasc.registry import Registry; r = Registry('shape', 'g', {'pair': 'fractions:Fraction'}); "
        "assert 'pair' in r and 'fractions' not in sys.modules; part = r.get('pair'); "
        "assert part is sys.modules['fractions'].Fraction"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
    assert registry().names() == ("pair", "deck")


def test_a_decorated_part_is_known_by_its_name() -> None:
    r = registry()

    @r.register("circle")
    class Circle: ...

    assert r.get("circle") is Circle and r.names() == ("pair", "deck", "circle")
    for name in ("circle", "pair"):
        with pytest.raises(UsageError, match=f"already a shape '{name}'"):
            r.register(name)(Circle)
    with r.registered("square", Circle):
        assert "square" in r
    assert "square" not in r


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="shape 'pear' is not known, did you mean 'pair'\\?"):
        registry().get("pear")
    with pytest.raises(UsageError, match="shape 'zzzz' is not known \\(known: pair, deck\\)"):
        registry().get("zzzz")


def test_installed_packages_bring_parts(install) -> None:  # type: ignore[no-untyped-def]
    install("little_a", {"ring": "little_a:Ring"}, "class Ring: ...")
    r = registry()
    assert r.names() == ("pair", "deck", "ring") and "little_a" not in sys.modules
    assert r.get("ring").__name__ == "Ring"  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="already a shape 'ring'"):
        registry().register("ring")(int)


def test_an_installed_module_may_register_its_own_part(install) -> None:  # type: ignore[no-untyped-def]
    r = registry()
    sys.modules["little_shapes"] = type(sys)("little_shapes")
    sys.modules["little_shapes"].R = r  # type: ignore[attr-defined]
    install(
        "little_b", {"cone": "little_b:Cone"}, "from little_shapes import R\n@R.register('cone')\nclass Cone: ...\n"
    )
    assert r.get("cone") is sys.modules["little_b"].Cone


def test_packages_that_fail_or_clash_are_named_in_one_line(install) -> None:  # type: ignore[no-untyped-def]
    install("little_c", {"bad": "little_c:Bad", "same": "little_c:X", "pair": "little_c:X"}, "import no_such\n")
    install("little_d", {"same": "little_d:X"}, "X = 1")
    r = registry()
    with pytest.raises(
        UsageError, match="^shape 'bad' of the package little_c cannot be imported: ModuleNotFoundError: .*no_such'$"
    ):
        r.get("bad")
    with pytest.raises(UsageError, match="little_. and little_. both bring a shape 'same'"):
        r.get("same")
    assert r.get("pair").__name__ == "Fraction", "a built-in part keeps its name"  # type: ignore[attr-defined]
