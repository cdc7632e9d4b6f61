"""What candidates of one front end share: clips, targets and the ensemble's logits. It travels once and not with every job."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from hwasc.data.features import Features
from hwasc.nas.job import Candidate
from hwasc.training.distillation import DistillationData

Shared: TypeAlias = tuple[DistillationData, Features, "np.ndarray | None"]


def shared(candidate: Candidate) -> Shared:
    """The part of a job that others have, too."""
    return candidate.data, candidate.validation, candidate.ensemble


def key(part: Shared) -> tuple[int, ...]:
    """A key of a shared part, as long as the part itself is kept."""
    return tuple(map(id, part))


def without_shared(candidate: Candidate, **changes: Any) -> Candidate:
    """The job without its shared part.

    Args:
        candidate: The job.
        changes: Attributes that change as well.

    Returns:
        A job that only `with_shared` makes complete.
    """
    absent: Any = {"data": None, "validation": None, "ensemble": None}
    return replace(candidate, **absent, **changes)


def with_shared(candidate: Candidate, part: Shared) -> Candidate:
    """The complete job.

    Args:
        candidate: From `without_shared`.
        part: Its shared part.

    Returns:
        The job.
    """
    data, validation, ensemble = part
    return replace(candidate, data=data, validation=validation, ensemble=ensemble)
