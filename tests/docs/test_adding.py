"""The pages that walk through adding a part: their code is the little package's, or it is run here as it stands."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tests" / "outside_package"
PAGES = ("teacher", "strategy", "proxy", "engine", "runtime", "exporter")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", page.read_text())


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.slow
def test_the_code_of_a_page_keeps_the_contract(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs" / "adding" / f"{name}.md"
    code, *_, test = blocks(page, "python")
    file = re.search(r"\(`([\w/]+\.py)`\):\n\n```python", page.read_text())
    assert file, "the file's name stands before its code"
    if (PACKAGE / file[1]).is_file():
        assert (PACKAGE / file[1]).read_text() == code
        monkeypatch.syspath_prepend(PACKAGE)
    else:
        (tmp_path / file[1]).write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
    defined: dict[str, object] = {}
    exec(compile(test, str(page), "exec"), defined)
    checks = [value for key, value in defined.items() if key.startswith("test_")]
    assert len(checks) == 1
    try:
        checks[0]()  # type: ignore[operator]
    finally:
        sys.modules.pop(Path(file[1]).stem, None)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_the_group_of_its_entry_points(name: str) -> None:
    from hwasc import parts

    registry = next(r for r in vars(parts).values() if getattr(r, "kind", "") == name)
    toml = "\n".join(blocks(ROOT / "docs" / "adding" / f"{name}.md", "toml"))
    assert f'"{registry.group}"' in toml


def test_the_package_has_the_entry_points_of_the_pages() -> None:
    project = (PACKAGE / "pyproject.toml").read_text()
    for name in ("teacher", "strategy"):
        (toml,) = blocks(ROOT / "docs" / "adding" / f"{name}.md", "toml")
        assert toml in project
