"""Figures in Weights & Biases; with WANDB_MODE=offline in the folder `wandb` of the run alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

from hwasc.tracking.base import Tracker


class Wandb(Tracker):
    """Logs to one run. Steps of different stages begin anew, so that each stage has a step of its own as x axis.

    Args:
        run: What `wandb.init` gave.
    """

    def __init__(self, run: Any) -> None:
        super().__init__()
        self._run = run
        self._stages: set[str] = set()

    def close(self) -> None:
        """See `Tracker`."""
        self._run.finish()

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        for stage in {name.rpartition("/")[0] for name in values}:
            if stage not in self._stages:
                self._stages.add(stage)
                self._run.define_metric(f"{stage}/step")
                self._run.define_metric(f"{stage}/*", step_metric=f"{stage}/step")
            own = {name: value for name, value in values.items() if name.rpartition("/")[0] == stage}
            self._run.log({**own, f"{stage}/step": step})


def begin(run: Path, project: str, identity: str, parameters: Mapping[str, str]) -> Wandb:
    """Begin a run, or go on with the one of this identity.

    Args:
        run: The run folder; it gives the run its name.
        project: Name of the project.
        identity: Of the run.
        parameters: The configuration.

    Returns:
        The tracker.
    """
    settings = wandb.Settings(silent=True, save_code=False, disable_git=True)
    return Wandb(
        wandb.init(
            project=project,
            name=run.name,
            id=identity,
            resume="allow",
            dir=str(run),
            config=dict(parameters),
            settings=settings,
        )
    )
