"""How much work a run does: named sets of settings between the defaults and what a user sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from hwasc.suggestion import did_you_mean

Effort = Literal["quick", "default", "thorough"]

# Time grows with epochs, folds and trials in proportion
# Each at the front end and near the size of its paper: twenty times the work of the default three, for a GPU
PAPERS = (
    {"name": "cp_resnet", "family": "cp_resnet", "front_end": "paper"},
    {"name": "bc_resnet", "family": "bc_resnet", "front_end": "paper", "width": 8},
    {"name": "tf_sepnet", "family": "tf_sepnet", "front_end": "paper"},
    {"name": "crnn", "family": "crnn", "front_end": "paper"},
    {"name": "yamnet", "embedding": "yamnet", "optional": True},
)
EFFORTS: Mapping[Effort, Mapping[str, Any]] = {
    "quick": {
        "teachers.folds": 2,
        "teachers.train.epochs": 10,
        "search.trials": 60,
        "search.population": 20,
        "search.supernet.points": 500,
        "search.supernet.train.epochs": 16,
        "search.rescore": 3,
        "search.rescore_train.epochs": 8,
        "distill.train.epochs": 15,
        "distill.qat.epochs": 1,
    },
    "default": {},
    "thorough": {
        "teachers.members": PAPERS,
        "teachers.folds": 4,
        "teachers.train.epochs": 60,
        "search.trials": 1_000,
        "search.supernet.points": 4_000,
        "search.supernet.train.epochs": 60,
        "search.rescore": 12,
        "search.rescore_train.epochs": 40,
        "search.refine": 3,
        "distill.train.epochs": 160,
        "distill.qat.epochs": 8,
    },
}


def changes(effort: object) -> Mapping[str, Any]:
    """The settings of an effort.

    Args:
        effort: Its name.

    Returns:
        Values by dotted name.

    Raises:
        ValueError: There is no such effort; it names the nearest one.
    """
    for name in get_args(Effort):
        if name == effort:
            return EFFORTS[name]
    suggestion = did_you_mean(str(effort), EFFORTS)
    raise ValueError(f"effort: expected one of {', '.join(EFFORTS)}, found '{effort}'{suggestion}")
