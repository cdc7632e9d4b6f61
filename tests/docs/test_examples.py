"""The notebook and the script of docs/examples run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hwasc.records.settings import Settings
from hwasc.students.result import DistillResult

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


@pytest.mark.long
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(EXAMPLES / "scenes.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "the committed notebook holds no outputs"
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs), "the front is drawn"
    student = DistillResult.read(tmp_path / "notebook_runs" / "student")
    assert student.test.int8.clips == 90
    assert (tmp_path / "notebook_runs" / "student.tflite").read_bytes()[4:8] == b"TFL3"


@pytest.mark.long
def test_the_script_goes_from_recordings_to_a_model_file(
    tmp_path: Path, tiny_data: Path, tiny_cache: Path, tiny_space: Path, tiny_settings: list[str]
) -> None:
    import yaml

    from hwasc.records.schema import plain

    settings = tmp_path / "tiny.yaml"
    settings.write_text(yaml.safe_dump(plain(Settings.load(None, tiny_settings[1::2]))))
    command = [sys.executable, EXAMPLES / "own_recordings.py", tiny_data, "--config", settings, "--space", tiny_space]
    done = subprocess.run(
        [*map(str, command), "--budget", "dcase2024", "--out", "m.tflite"],
        cwd=tmp_path,
        env={**environment(), "HWASC_CACHE": str(tiny_cache)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "m.tflite: " in done.stdout and "macs.torchinfo: " in done.stdout
    assert (tmp_path / "m.tflite").read_bytes()[4:8] == b"TFL3"
