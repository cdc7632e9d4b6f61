"""The pages of the experiments: one question each, short, found from the index, and naming files that exist."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "experiments"
ALL = sorted(FOLDER.rglob("*.md"))
INDEXES = [p for p in ALL if p.name == "README.md" and p.parent.name != "synthetic"]
PAGES = [p for p in ALL if p not in INDEXES]
SECTIONS = ("**Question.**", "**Command.**", "**Result.**", "**Answer.**", "**Not known.**")


def links(path: Path) -> list[Path]:
    """The files that a page links to, without those of the web."""
    found = re.findall(r"\]\(([^)#]+)\)", path.read_text())
    return [(path.parent / target).resolve() for target in found if not target.startswith("http")]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(FOLDER)))
def test_a_page_has_its_sections_in_order_and_is_short(path: Path) -> None:
    text = path.read_text()
    at = [text.find(section) for section in SECTIONS]
    assert -1 not in at and at == sorted(at), dict(zip(SECTIONS, at, strict=True))
    assert len(text.splitlines()) <= 120


@pytest.mark.parametrize("path", ALL, ids=lambda p: str(p.relative_to(FOLDER)))
def test_links_and_named_files_exist(path: Path) -> None:
    named = re.findall(r"(?<![\w/])experiments/[\w/]+\.(?:py|sh|yaml|jsonl|json)(?:\.gz)?\b", path.read_text())
    missing = [p for p in [*links(path), *(FOLDER.parent / n for n in named)] if not p.exists()]
    assert not missing


def test_the_index_links_to_every_page() -> None:
    assert len(PAGES) >= 20
    assert set(PAGES) <= set(links(FOLDER / "README.md"))


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.sh")), ids=lambda p: str(p.relative_to(FOLDER)))
def test_a_script_can_be_run_as_its_page_says(path: Path) -> None:
    assert os.access(path, os.X_OK) and path.read_text().startswith("#!")
