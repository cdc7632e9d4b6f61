"""What mkdocs calls while it builds the site: pages made from the code, and navigation that lists the pages that are there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import reference_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

GENERATED = {
    "reference/command_line.md": reference_pages.command_line,
    "reference/api.md": reference_pages.api,
    "reference/settings.md": reference_pages.settings,
    "reference/budgets.md": reference_pages.budgets_and_spaces,
}
FROM_THE_ROOT = {"changes.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
FOLDERS = ("adding", "decisions")  # entries of `nav` in mkdocs.yml that stand for all pages of a folder


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace each folder in the navigation by its pages; a folder without pages disappears."""
    config.nav = _with_folders(config.nav or [], Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and those that lie at the repository's root."""
    for name, make in GENERATED.items():
        files.append(File.generated(config, name, content=make()))
    for name, source in FROM_THE_ROOT.items():
        text = (Path(config.docs_dir).parent / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put tables of keys where a page has `<!-- records: module.Record -->`, and the known layouts at `<!-- layouts -->`."""
    markdown = markdown.replace("<!-- layouts -->", reference_pages.layouts() if "<!-- layouts -->" in markdown else "")
    return re.sub(r"<!-- records: ([\w.]+)\.(\w+) -->", lambda m: _tables(m[1], m[2]), markdown)


def _tables(module: str, name: str) -> str:
    return reference_pages.records(getattr(importlib.import_module(module), name), "###")


def _with_folders(nav: list[Any], docs: Path) -> list[Any]:
    out: list[Any] = []
    for entry in nav:
        title, value = next(iter(entry.items())) if isinstance(entry, dict) else (None, entry)
        if isinstance(value, list):
            out.append({title: _with_folders(value, docs)})
        elif value not in FOLDERS:
            out.append(entry)
        elif pages := _pages(docs, value):
            out.append({title: pages})
    return out


def _pages(docs: Path, folder: str) -> list[str]:
    """The pages of a folder, its index first, the others by name."""
    names = sorted(p.name for p in (docs / folder).glob("*.md"))
    return [f"{folder}/{name}" for name in sorted(names, key=lambda n: n != "index.md")]
