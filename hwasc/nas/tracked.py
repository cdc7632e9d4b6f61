"""What a tracker gets of each trial."""

from __future__ import annotations

from hwasc.nas.trial import Trial
from hwasc.tracking import Tracker

TRACKED = ("score", "accuracy", "float_accuracy", "parameters", "macs", "memory", "weights", "seconds")


def log_trial(tracker: Tracker, stage: str, trial: Trial, top: Trial) -> None:
    """Give a tracker the figures of a trial.

    Args:
        tracker: Takes them, with the trial's number as step.
        stage: Before their names.
        trial: The trial.
        top: The best one so far.
    """
    figures = {name: getattr(trial, name) for name in TRACKED}
    named = {**figures, "best_score": top.score, "best_accuracy": top.accuracy}
    tracker.log(trial.number, {f"{stage}/{name}": value for name, value in named.items()})
