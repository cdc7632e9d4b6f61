"""The DCASE 2025 inference package: a folder of plain torch code and one safetensors file that runs without hwasc.

Its layout and functions are those of the challenge's own example (github.com/CPJKU/dcase2025_task1_inference): a package named
after the team, a module for each submission, and the files that the official scripts expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np
import soundfile

from hwasc.cost import graph as deployment
from hwasc.cost.measure import BIAS_BYTES
from hwasc.dcase.rules import Complexity
from hwasc.dcase.standalone_weights import to_bytes
from hwasc.models.student import Student
from hwasc.records.architecture import Architecture
from hwasc.records.schema import write_whole

SHARED = ("frontend", "student", "system")
REQUIREMENTS = ("torch", "numpy", "soundfile", "soxr", "safetensors")
OFFICIAL = ("torchinfo", "pandas", "scikit-learn")  # what the challenge's own scripts import too
DUMMY_RATE = 44_100

README = """# {name}: DCASE 2025 Task 1, inference package

    pip install -e .
    python -c "from {name}.{label} import predict; print(predict(['clip.wav'], ['a']))"

`{name}/{label}.py` implements `predict`, `load_model`, `load_inputs` and `get_model_for_device` as the challenge asks. Students
are int8: parameters are int8 weights and int32 biases in `{name}/ckpts`, computed in torch with the rounding of the integer
kernels that run on a microcontroller. Nothing is pickled.

Copy `complexity.py`, `test_complexity.py` and `evaluate_submission.py` of https://github.com/CPJKU/dcase2025_task1_inference
beside this file to run the official checks:

    python test_complexity.py --submission_name {name} --submission_index {index}
"""

SETUP = """[build-system]
requires = ["setuptools>=68"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1.0"
description = "DCASE 2025 Task 1, inference package"
requires-python = ">=3.10"
dependencies = [{requirements}]

[tool.setuptools.packages.find]
include = ["{name}*"]

[tool.setuptools.package-data]
"*" = ["*.safetensors", "*.wav", "*.csv"]
"""


def complexity(architecture: Architecture) -> Complexity:
    """Count a packaged student as the official script of 2025 does: torchinfo's mult-adds, parameters, their bytes by type.

    Batch norms are biases in the package: one number a channel, where training had two.

    Args:
        architecture: The student's.

    Returns:
        Its complexity.
    """
    macs = count = size = 0
    for op in deployment.build(architecture).operators:
        if op.kind in ("conv", "depthwise"):
            macs += op.macs + op.biases
            count += op.weights + op.biases
            size += op.weights + BIAS_BYTES * op.biases
        else:
            count += op.parameters  # GRN's, int8
            size += op.parameters
    return Complexity(macs=macs, parameters=count, parameter_bytes=size)


def write(folder: Path, *, name: str, index: int, students: Mapping[str, Student], classes: tuple[str, ...]) -> Path:
    """Write a submission into an inference repository. Other submissions in the folder stay.

    Args:
        folder: The repository.
        name: The team, which the package is named after.
        index: Number of the submission, 1 to 4.
        students: Quantized students: `general`, and others by device.
        classes: Scenes in the order of the logits.

    Returns:
        The submission's module.
    """
    label, package = f"{name}_{index}", folder / name
    write_whole(package / "ckpts" / f"{label}.safetensors", to_bytes(students, classes))
    for part in (package, package / "ckpts", package / "resources"):
        write_whole(part / "__init__.py", "")
    for module in SHARED:
        write_whole(package / f"{module}.py", _source(module))
    write_whole(package / f"{label}.py", _source("submission"))
    _write_dummy(package / "resources" / "dummy.wav")
    write_whole(folder / "requirements.txt", "\n".join((*REQUIREMENTS, *OFFICIAL)) + "\n")
    quoted = ", ".join(f'"{r}"' for r in REQUIREMENTS)
    write_whole(folder / "pyproject.toml", SETUP.format(name=name, requirements=quoted))
    write_whole(folder / "README.md", README.format(name=name, label=label, index=index))
    return package / f"{label}.py"


def _source(module: str) -> str:
    return resources.files("hwasc.dcase.standalone").joinpath(f"{module}.py").read_text(encoding="utf-8")


def _write_dummy(path: Path) -> None:
    """Write a second of faint noise, the input on which the official script measures every device's student."""
    noise = np.random.default_rng(0).normal(0, 0.01, DUMMY_RATE)
    soundfile.write(path, noise, DUMMY_RATE, subtype="PCM_16")
