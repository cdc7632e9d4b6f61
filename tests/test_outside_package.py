"""Another package adds parts: it is built and installed, and a search uses them by name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tests" / "outside_package"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of an environment in which the package is installed; no network is needed."""
    folder = tmp_path_factory.mktemp("outside")
    source, site = shutil.copytree(PACKAGE, folder / "source"), folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", site, source], check=True)
    return {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}


def run(environment: dict[str, str], *argv: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, argv)], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_a_search_uses_its_parts_by_name(
    installed: dict[str, str], tiny_data: Path, tiny_space: Path, tiny_settings: list[str], tmp_path: Path
) -> None:
    space = tmp_path / "space.yaml"
    space.write_text(tiny_space.read_text().replace("grn: [none, channel]}", "block: [dws]}"))
    out = run(
        installed, "-m", "hwasc", "search", "--budget", "dcase2024", "--space", space, "--data", tiny_data,
        "--cache", tmp_path / "cache", *tiny_settings, "--set", "teachers=[crnn,little]", "--strategy", "little",
        "--trials", 2, "--rescore", 0, "--run", tmp_path / "run", "--out", tmp_path / "best.json", "--json", "--quiet",
    )  # fmt: skip
    assert json.loads(out)["trials"] == 2
    assert len(list((tmp_path / "cache" / "teachers").glob("little-*/fold*.safetensors"))) == 2
    assert "strategy: little" in (tmp_path / "run" / "config.yaml").read_text()
    kinds = [
        block.get("kind", "ir") for block in json.loads((tmp_path / "best.json").read_text())["architecture"]["blocks"]
    ]
    assert kinds == ["ir", "dws"]


def test_its_names_stand_in_the_help(installed: dict[str, str]) -> None:
    out = run(installed, "-m", "hwasc", "search", "--help")
    assert "nsga2, tpe, evolution, local, random, little" in " ".join(out.split())


def test_its_parts_keep_their_contracts(installed: dict[str, str]) -> None:
    code = """
from hwasc.parts import STRATEGIES, TEACHERS
from hwasc.testing.strategies import check_strategy
from hwasc.testing.teachers import check_teacher
check_strategy(STRATEGIES.get("little"))
check_teacher(TEACHERS.get("little"), width=8)
"""
    run(installed, "-c", code)


def test_an_unknown_name_is_answered_with_the_nearest(installed: dict[str, str]) -> None:
    argv = [sys.executable, "-m", "hwasc", "search", "--budget", "dcase2024", "--strategy", "litle"]
    done = subprocess.run(argv, env=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "did you mean 'little'?" in done.stderr
