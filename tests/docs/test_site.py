"""The documentation site builds without a warning, and its reference pages hold all of the code's."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import hwasc
from hwasc import cli
from hwasc.records import bundled
from hwasc.records.settings import Settings

pytest.importorskip("mkdocs")

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def text_of(page: Path) -> str:
    return unescape(re.sub(r"<[^>]+>", "", page.read_text()))


def test_every_verb_is_there(site: Path) -> None:
    text = text_of(site / "reference" / "command_line.html")
    assert all(f"hwasc {verb}" in text for verb in cli.VERBS)
    assert "hwasc data fetch" in text and "--budget NAME|FILE" in text


def test_every_setting_is_there_with_its_default(site: Path) -> None:
    html = (site / "reference" / "settings.html").read_text()
    keys = [f"{name}.{key}" for name in ("data", "search", "distill") for key in keys_of(getattr(Settings(), name))]
    assert [key for key in keys if f"<code>{key}</code>" not in html] == []
    assert f"<code>{Settings().search.trials}</code>" in html


def keys_of(record: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(record)]


def test_public_names_and_bundled_files_are_there(site: Path) -> None:
    names = [name for name in hwasc.__all__ if not name.startswith("__")]
    api, files = text_of(site / "reference" / "api.html"), text_of(site / "reference" / "budgets.html")
    assert [name for name in names if name not in api] == []
    assert all(name in files for kind in ("budgets", "search_spaces") for name in bundled.names(kind))


def test_records_are_in_the_page_of_file_formats(site: Path) -> None:
    html = (site / "file_formats.html").read_text()
    assert "records:" not in html
    assert all(f"<code>{key}</code>" in html for key in ("architecture.front_end.mels", "limits.arena.max", "accuracy"))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    script, style = r"<(?:script|img|iframe)[^>]*src=", r"<link[^>]*rel=.(?:stylesheet|preconnect|icon)[^>]*href="
    loaded = rf"(?:{script}|{style})['\"]?https?:[^>]*>"
    assert [m for page in site.rglob("*.html") for m in re.findall(loaded, page.read_text())] == []
