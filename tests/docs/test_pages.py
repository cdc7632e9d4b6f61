"""The pages are true: their commands parse, their settings are known, the files they name exist."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import hwasc
from hwasc import cli
from hwasc.records.budget import Budget
from hwasc.records.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
SETTINGS = {field.name for field in dataclasses.fields(Settings)}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_blocks(text: str) -> Iterator[str]:
    """Fenced and indented code, the indentation taken away."""
    for fenced, indented in re.findall(r"(?ms)^ *```\w*\n(.*?)^ *```$|((?:^(?: {4,}[^\n]+)?\n)+)", text):
        lines = (fenced or indented).splitlines()
        margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        yield "\n".join(line[margin:] for line in lines).strip()


def commands(text: str) -> list[list[str]]:
    lines = "\n".join(code_blocks(text)).replace("\\\n", " ").splitlines()
    found = [shlex.split(line.split(" > ")[0], comments=True)[1:] for line in lines if line.startswith("hwasc ")]
    return [words for words in found if "..." not in words]


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=name_of)
def test_commands_parse_and_their_settings_are_known(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = page.read_text()
    for words in commands(text):
        try:
            args = cli.parser().parse_args(words)
        except SystemExit as e:
            if not e.code:  # it prints something and ends
                continue
            pytest.fail(f"{' '.join(words)}: {capsys.readouterr().err}")
        assert args.verb == words[0]
        assert isinstance(Settings.load(None, getattr(args, "overrides", ())), Settings)
    for code in re.findall(r"`(--set [^`]*)`", text):
        named = [s for s in re.findall(r"--set (\S+)", code) if s != "a.b=c"]
        assert isinstance(Settings.load(None, named), Settings), code


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=name_of)
def test_python_calls_fit_the_functions(page: Path) -> None:
    """`hwasc.name(...)` in Python code of the pages names a public function, which takes these arguments."""
    for block in re.findall(r"(?ms)^ *```python\n(.*?)^ *```$", page.read_text()):
        for call in ast.walk(ast.parse(textwrap.dedent(block))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("hwasc."):
                function = functools.reduce(getattr, ast.unparse(call.func).split(".")[1:], hwasc)
                named = {str(k.arg): k.value for k in call.keywords}
                assert inspect.signature(function).bind(*call.args, **named).arguments.keys() >= named.keys()


def test_commands_are_found() -> None:
    assert len([c for page in PAGES for c in commands(page.read_text())]) >= 25


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_and_budgets_are_those_that_commands_take(page: Path, tmp_path: Path) -> None:
    for block in code_blocks(page.read_text()):
        try:
            keys = set(yaml.safe_load(block))
        except (yaml.YAMLError, TypeError):
            continue
        file = tmp_path / "file.yaml"
        file.write_text(block)
        if keys <= SETTINGS:
            assert Settings.load(file) != Settings()
        elif "limits" in keys:
            assert Budget.load(file).amounts()


def test_settings_are_found_in_pages() -> None:
    blocks = [block for page in PAGES for block in code_blocks(page.read_text())]
    assert sum(bool(re.match(rf"(#.*\n)?({'|'.join(SETTINGS)}):", block)) for block in blocks) >= 4


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:hwasc|tests|experiments|budgets|search_spaces|docs)/[\w./-]*)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_decisions_are_numbered_and_stand_in_the_index() -> None:
    assert [p.name[:4] for p in DECISIONS] == [f"{n:04d}" for n in range(1, len(DECISIONS) + 1)]
    index = (ROOT / "docs" / "decisions" / "index.md").read_text()
    assert sorted(re.findall(r"^- \[\d+\]\((.+?)\)", index, re.M)) == [p.name for p in DECISIONS]


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_a_decision_is_short_and_has_evidence(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {path.name[:4]} ")
    assert re.findall(r"^## (.+)", text, re.M) == ["Context", "Decision", "Consequence", "Evidence"]
    assert 10 <= len(text.splitlines()) <= 30
    evidence = text.split("## Evidence")[1]
    assert re.search(r"`(tests|experiments)/", evidence)
