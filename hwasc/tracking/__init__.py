"""Figures of a running search or distillation for TensorBoard, MLflow or Weights & Biases, each an extra that is imported on use.

The run folder has all figures anyway; a tracker shows them while they come. It never stops a run: what it cannot take is said
once.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hwasc.errors import UsageError
from hwasc.records.run import read_config
from hwasc.suggestion import did_you_mean
from hwasc.tracking.base import Prefixed, Tracker

__all__ = ["NAMES", "Prefixed", "Tracker", "begin", "check"]

NAMES = ("tensorboard", "mlflow", "wandb")  # each names the package, the extra and a module here
PROJECT = "hwasc"  # project or experiment of all runs


def check(name: str | None) -> None:
    """Check that a tracker is known and installed, before anything is computed.

    Args:
        name: One of `NAMES`; None: no tracker.

    Raises:
        UsageError: It says what to install.
    """
    if name is None:
        return
    if name not in NAMES:
        raise UsageError(f"unknown tracker '{name}'{did_you_mean(name, NAMES)} (known: {', '.join(NAMES)})")
    if importlib.util.find_spec(name) is None:
        raise UsageError(f"tracker {name}: is not installed; pip install 'hwasc[{name}]'")


@contextmanager
def begin(name: str | None, run: Path, *, say: Callable[[str], None]) -> Iterator[Tracker]:
    """Track a run, or go on where the same run was tracked before.

    Args:
        name: One of `NAMES`; None: nothing is tracked.
        run: The run folder; its configuration is read when the first figures come.
        say: Prints a line.

    Yields:
        The tracker, which is closed at the end.

    Raises:
        UsageError: It is unknown or not installed.
    """
    check(name)
    tracker = Tracker() if name is None else _Deferred(name, run, say)
    try:
        yield tracker
    finally:
        tracker.close()


class _Deferred(Tracker):
    """A tracker that begins with the first figures, when the run folder is sure to be there."""

    def __init__(self, name: str, run: Path, say: Callable[[str], None]) -> None:
        super().__init__(say)
        self._name, self._run = name, run
        self._tracker: Tracker | None = None

    def close(self) -> None:
        """See `Tracker`."""
        if self._tracker is not None:
            self._tracker.close()

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        if self._tracker is None:
            self._tracker = self._begin()
        self._tracker._log(step, values)

    def _begin(self) -> Tracker:
        began = (self._run / "environment.json").read_bytes() + str(self._run.resolve()).encode()
        tracker: Tracker = importlib.import_module(f"hwasc.tracking.{self._name}").begin(
            self._run, PROJECT, hashlib.sha256(began).hexdigest()[:16], dict(_flat(read_config(self._run)))
        )
        return tracker


def _flat(values: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, str]]:
    """Nested values with dotted names, as text."""
    for key, value in values.items():
        name = f"{where}.{key}" if where else str(key)
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        else:
            yield name, str(value)
