"""What the verbs do, as plain functions: search, distill, profile, evaluate, teach, fuse, export, open_workspace."""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "open_workspace": "workspace",
    "Workspace": "workspace",
    "teach": "teaching",
    "fuse": "fusing",
    "search": "searching",
    "distill": "distilling",
    "profile": "profiling",
    "evaluate": "evaluating",
    "export": "exporting",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"hwasc.pipelines.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'hwasc.pipelines' has no attribute '{name}'")
