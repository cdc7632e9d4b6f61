"""Figures in MLflow: on the server or in the database of MLFLOW_TRACKING_URI, else in `mlflow.db` in the run folder."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from hwasc.tracking.base import Tracker

TAG = "hwasc.run"  # by which a run that goes on is found again
BATCH = 100  # parameters that a server takes at one time
LONGEST = 500  # characters of a parameter's value, the least that any version of a server takes


class Mlflow(Tracker):
    """Logs to one run.

    Args:
        client: Of the server or database.
        run_id: Of the run.
    """

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        super().__init__()
        self._client, self._run_id = client, run_id

    def close(self) -> None:
        """See `Tracker`."""
        self._client.set_terminated(self._run_id)

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(self._run_id, metrics=metrics)


def begin(run: Path, project: str, identity: str, parameters: Mapping[str, str]) -> Mlflow:
    """Begin a run, or go on with the one of this identity.

    Args:
        run: The run folder; it gives the run its name.
        project: Name of the experiment.
        identity: Of the run.
        parameters: The configuration.

    Returns:
        The tracker.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(run / 'mlflow.db').resolve()}"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(project)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(project)
    found = client.search_runs([experiment_id], f"tags.`{TAG}` = '{identity}'")
    if found:
        client.update_run(found[0].info.run_id, status="RUNNING")
        return Mlflow(client, found[0].info.run_id)
    run_id = client.create_run(experiment_id, run_name=run.name, tags={TAG: identity}).info.run_id
    values = [Param(name, value[:LONGEST]) for name, value in parameters.items()]
    for start in range(0, len(values), BATCH):
        client.log_batch(run_id, params=values[start : start + BATCH])
    return Mlflow(client, run_id)
