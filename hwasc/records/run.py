"""The run folder: the resolved configuration, the environment, and the results. The same command resumes there."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import hwasc
from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.plain_values import named

AS_TYPED = ("data",)  # keys of what people typed; the fingerprint of what is there is compared instead
PACKAGES = ("torch", "brevitas", "nni", "optuna", "torch-pruning", "numpy", "onnxruntime")


def environment() -> dict[str, Any]:
    """Command, versions, machine and date, for result files."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "absent"
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return {
        "hwasc": hwasc.__version__,
        "command": command,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "packages": versions,
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def environment_of(folder: Path) -> dict[str, Any]:
    """Command, versions, machine and date of a run, for its result files.

    Args:
        folder: The run folder.

    Returns:
        What the run began with, if only the date is another now: the same command gives the same result. Else the present
        environment.
    """
    now, path = environment(), folder / "environment.json"
    with contextlib.suppress(UsageError):
        began = schema.read_json(path, "environment")
        if isinstance(began, dict) and {**began, "date": ""} == {**now, "date": ""}:
            return began
    return now


def check_resumes(folder: Path, config: dict[str, Any]) -> None:
    """Check early, before data are read, that a run folder is new or holds a run of a configuration as far as that is known.

    Args:
        folder: The run folder.
        config: A part of what `open_run` will be given, the `verb` among it.

    Raises:
        UsageError: The folder holds a run of another configuration; it lists the differences.
    """
    if (folder / "config.yaml").is_file():
        config, old = json.loads(schema.canonical(config)), read_config(folder)
        if old.get("verb") != config["verb"]:
            raise UsageError(f"{folder} is the run folder of `hwasc {old.get('verb')}`; name another folder with --run")
        _refuse(folder, list(_differences({key: old.get(key) for key in config}, config)))


def open_run(folder: Path, config: dict[str, Any]) -> Path:
    """Create a run folder, or resume in one of the same configuration.

    Args:
        folder: The run folder.
        config: The resolved configuration, JSON-ready values or records by name.

    Returns:
        The folder.

    Raises:
        UsageError: The folder holds a run of another configuration; it lists the differences. Or it is a file.
    """
    path = folder / "config.yaml"
    config = json.loads(schema.canonical(config))
    if path.is_file():
        old = read_config(folder)
        _refuse(folder, list(_differences(old, config)))
    else:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file; --run names a folder")
        schema.write_whole(path, yaml.safe_dump(config, sort_keys=False))
        schema.write_json(folder / "environment.json", environment())
    return folder


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration of a run folder.

    Args:
        folder: The run folder.

    Returns:
        Plain values by name.

    Raises:
        UsageError: Its config.yaml is missing, broken or of another shape.
    """
    path = folder / "config.yaml"
    config = schema.read_yaml(path, "run configuration")
    if not isinstance(config, dict):
        raise UsageError(
            f"{path}: expected a mapping of keys to values, found {named(config)}; delete it to start anew"
        )
    return config


def _refuse(folder: Path, changes: list[str]) -> None:
    if changes:
        shown = "; ".join(changes[:5]) + (f"; and {len(changes) - 5} more" if len(changes) > 5 else "")
        raise UsageError(
            f"{folder} holds a run with another configuration: {shown}. Name another folder with --run, or delete this one"
        )


def _same_file(old: Any, new: Any) -> bool:
    """Whether two texts name the same file or folder."""
    try:
        return isinstance(old, str) and isinstance(new, str) and os.path.samefile(old, new)
    except (OSError, ValueError):
        return False


def _differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            yield from _differences(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
    elif old != new and where not in AS_TYPED and not _same_file(old, new):
        yield f"{where} was {repr(old)[:80]}, is now {repr(new)[:80]}"
