"""hwasc: hardware-aware architecture search and compression for acoustic scene classification."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {  # public name -> module, imported when first asked for
    "Architecture": "hwasc.records.architecture",
    "Block": "hwasc.records.blocks",
    "FrontEnd": "hwasc.records.architecture",
    "GRN": "hwasc.records.blocks",
    "InvertedResidual": "hwasc.records.blocks",
    "Budget": "hwasc.records.budget",
    "SearchSpace": "hwasc.records.space",
    "Settings": "hwasc.records.settings",
    "cp_mobile": "hwasc.records.presets",
    "dcase2024_baseline": "hwasc.records.presets",
}
_MODULES = ("audio", "cost", "data", "ensemble", "models", "nas", "records", "report", "students", "training")
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"hwasc.{name}")
    raise AttributeError(f"module 'hwasc' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, *_MODULES]
