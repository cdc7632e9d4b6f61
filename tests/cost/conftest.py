"""The calibration's modules under experiments/deploy: published nets as graphs, and the fit."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "experiments" / "deploy"


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture(scope="session")
def nets() -> ModuleType:
    return load("nets")


@pytest.fixture(scope="session")
def calibration() -> ModuleType:
    return load("latency")
