"""Running a 2025 inference package as its users will: in a new Python process, from another folder, without hwasc."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hwasc.errors import HwascError
from hwasc.parallel.children import PIPES, finish, start_python

CODE = """
import importlib, json, sys

sys.dont_write_bytecode = True

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "hwasc":
            raise ImportError("the package must run without hwasc")

sys.meta_path.insert(0, Forbidden())
request = json.load(sys.stdin)
sys.path.insert(0, request["folder"])
api = importlib.import_module(request["module"])
logits, order = api.predict(request["files"], request["devices"])
print(json.dumps({"logits": [x.tolist() for x in logits], "order": order}))
"""


def run_package(
    folder: Path, *, team: str, label: str, files: Sequence[Path], devices: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Run `predict` of a written package.

    Args:
        folder: The inference repository.
        team: Name of the package.
        label: Name of the submission's module.
        files: n audio files.
        devices: Recording device of each file.

    Returns:
        Logits (n, classes) float32, and the classes in their order.

    Raises:
        HwascError: The package fails.
    """
    request = {
        "folder": str(folder.resolve()),
        "module": f"{team}.{label}",
        "files": [str(f.resolve()) for f in files],
        "devices": list(devices),
    }
    with tempfile.TemporaryDirectory() as working_folder:
        child = start_python(CODE, **PIPES, cwd=working_folder)
        output, errors = finish(child, json.dumps(request))
    if child.returncode:
        last = errors.strip().splitlines()[-1:] or ["no message"]
        raise HwascError(
            f"{folder}: the inference package does not run by itself ({last[0]}); it should not be handed in"
        )
    reply = json.loads(output.splitlines()[-1])
    return np.asarray(reply["logits"], np.float32), reply["order"]
