"""Runs a 2025 inference package as a stranger would: in a Python of its own, from another folder, where hwasc is forbidden."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hwasc.errors import HwascError

CODE = """
import importlib, json, sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "hwasc":
            raise ImportError("the package must run without hwasc")

sys.meta_path.insert(0, Forbidden())
asked = json.load(sys.stdin)
sys.path.insert(0, asked["folder"])
api = importlib.import_module(asked["module"])
logits, order = api.predict(asked["files"], asked["devices"])
print(json.dumps({"logits": [x.tolist() for x in logits], "order": order}))
"""


def run_alone(
    folder: Path, team: str, label: str, files: Sequence[Path], devices: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """(Logits (n, classes) float32, class order) of `predict` of a written package; HwascError where it fails."""
    asked = {
        "folder": str(folder.resolve()),
        "module": f"{team}.{label}",
        "files": [str(f.resolve()) for f in files],
        "devices": list(devices),
    }
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [sys.executable, "-I", "-B", "-c", CODE],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            cwd=elsewhere,
        )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise HwascError(
            f"{folder}: the inference package does not run by itself ({last[0]}); it should not be handed in"
        )
    told = json.loads(done.stdout.splitlines()[-1])
    return np.asarray(told["logits"], np.float32), told["order"]
