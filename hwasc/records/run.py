"""The run folder: the resolved configuration, the environment, and the results. The same command resumes there."""

from __future__ import annotations

import contextlib
import importlib.metadata
import itertools
import json
import os
import platform
import re
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

import hwasc
from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.plain_values import named

CONFIG = "config.yaml"
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
    command = shlex.join([Path(sys.argv[0]).name, *map(without_password, sys.argv[1:])])
    return {
        "hwasc": hwasc.__version__,
        "command": command,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "packages": versions,
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def without_password(text: str) -> str:
    """Text in which the user and the password of an address are left out: run folders are passed on."""
    return re.sub(r"://[^/\s]*@", "://...@", text)


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


def check_resumes(folder: Path, config: dict[str, Any], *, growing: Sequence[str] = ()) -> None:
    """Check early, before data are read, that a run folder is new or holds a run of a configuration as far as that is known.

    Args:
        folder: The run folder.
        config: A part of what `open_run` will be given, the `verb` among it.
        growing: As for `open_run`.

    Raises:
        UsageError: The folder holds a run of another configuration; it lists the differences.
    """
    if (folder / CONFIG).is_file():
        config, old = json.loads(schema.canonical(config)), read_config(folder)
        if old.get("verb") != config["verb"]:
            raise UsageError(f"{folder} is the run folder of `hwasc {old.get('verb')}`; name another folder with --run")
        _refuse(folder, list(differences({key: old.get(key) for key in config}, config, growing=growing)))


def open_run(folder: Path, config: dict[str, Any], *, growing: Sequence[str] = ()) -> Path:
    """Create a run folder, or resume in one of the same configuration.

    Args:
        folder: The run folder.
        config: The resolved configuration, JSON-ready values or records by name.
        growing: Dotted names of counts that may be larger than they were; the run goes on to the new count.

    Returns:
        The folder.

    Raises:
        UsageError: The folder holds a run of another configuration; it lists the differences. Or it is a file.
    """
    path = folder / CONFIG
    config = json.loads(schema.canonical(config))
    if path.is_file():
        old = read_config(folder)
        _refuse(folder, list(differences(old, config, growing=growing)))
        if list(differences(old, config)):  # only counts that have grown
            schema.write_whole(path, yaml.safe_dump(config, sort_keys=False))
    else:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file; --run names a folder")
        schema.write_whole(path, yaml.safe_dump(config, sort_keys=False))
        schema.write_json(folder / "environment.json", environment())
    return folder


def free_folder(first: Path, config: dict[str, Any], *, growing: Sequence[str] = ()) -> Path:
    """The folder of a run that was given none: the first that is free, or that holds the same run.

    Args:
        first: Tried first; then `-2`, `-3` and so on are added to its name.
        config: As for `open_run`.
        growing: As for `open_run`.

    Returns:
        The folder.
    """
    config = json.loads(schema.canonical(config))
    for number in itertools.count(1):
        folder = first if number == 1 else first.with_name(f"{first.name}-{number}")
        if not (folder / CONFIG).is_file():
            if not folder.exists() or folder.is_dir():
                return folder
        else:
            with contextlib.suppress(UsageError):  # a broken configuration: somebody's folder
                if not any(differences(read_config(folder), config, growing=growing)):
                    return folder
    raise AssertionError("unreachable")


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration of a run folder.

    Args:
        folder: The run folder.

    Returns:
        Plain values by name.

    Raises:
        UsageError: Its config.yaml is missing, broken or of another shape.
    """
    path = folder / CONFIG
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


def differences(old: Any, new: Any, where: str = "", *, growing: Sequence[str] = ()) -> Iterator[str]:
    """Compare two configurations.

    Args:
        old: JSON-ready values.
        new: Likewise.
        where: Dotted name of what both are.
        growing: Dotted names of counts that may be larger in the new one.

    Yields:
        A sentence for each value that differs.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            inner = f"{where}.{key}" if where else str(key)
            yield from differences(old.get(key), new.get(key), inner, growing=growing)
    elif where in growing and isinstance(old, int) and isinstance(new, int) and old < new:
        return
    elif old != new and where not in AS_TYPED and not _same_file(old, new):
        yield f"{where} was {repr(old)[:80]}, is now {repr(new)[:80]}"
