"""The built wheel, away from the checkout: bundled budgets, spaces and page templates are found from any folder."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_every_package_is_listed() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = {p for p in setup["options"]["packages"].split() if ".bundled" not in p}
    assert listed == {".".join(p.parent.relative_to(ROOT).parts) for p in (ROOT / "hwasc").rglob("__init__.py")}


@pytest.mark.slow
def test_an_installed_wheel_finds_what_it_bundles(tmp_path: Path) -> None:
    source, target, elsewhere = tmp_path / "source", tmp_path / "target", tmp_path / "elsewhere"
    elsewhere.mkdir()
    ignore = shutil.ignore_patterns(".*", "runs", "demo", "node_modules", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignore)  # a build writes beside the sources
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [
        *pip,
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(tmp_path),
        str(source),
    ]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    page = {f"hwasc/deploy/web/site/{path.name}" for path in (ROOT / "hwasc" / "deploy" / "web" / "site").iterdir()}
    assert len(page) > 10 and page <= set(zipfile.ZipFile(wheel).namelist())
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)], check=True)
    shutil.rmtree(source)
    code = (
        "import hwasc, json; from hwasc.records import bundled; from hwasc.report.page import page;"
        "print(json.dumps([hwasc.__file__, hwasc.Budget.load('budgets/dcase2024.yaml').name, hwasc.SearchSpace.load('full').name,"
        " bundled.names('budgets'), page('a title', '', [])]))"
    )
    env = {**os.environ, "PYTHONPATH": str(target)}
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=elsewhere, env=env).stdout
    home, budget, space, names, html = json.loads(out)
    assert Path(home).is_relative_to(target) and (budget, space) == ("dcase2024", "full")
    assert set(names) == {p.stem for p in (ROOT / "budgets").glob("*.yaml")}
    assert "<h1>a title</h1>" in html and "--page:" in html
