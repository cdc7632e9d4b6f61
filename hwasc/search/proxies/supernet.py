"""Proxy `supernet`: a slice of the shared weights, its batch norm recalibrated, then Brevitas int8, then accuracy."""

from __future__ import annotations

import functools
import time
from pathlib import Path

from hwasc.models.supernet import Supernet, recalibrate
from hwasc.records.space import SearchSpace
from hwasc.search.job import Candidate, Score, calibration_batches, int8_score
from hwasc.training.device import pick_device
from hwasc.training.weights import load_weights


def score(candidate: Candidate) -> Score:
    """Slice, recalibrate, quantize, measure on the validation clips: no training, unless the job asks for QAT steps."""
    start, c, device = time.monotonic(), candidate, pick_device(candidate.device)
    assert c.supernet is not None
    classes = c.proposal.architecture.classes
    net = _loaded(c.supernet.weights, c.supernet.space, classes, c.supernet.seconds)
    model = recalibrate(net.student(c.proposal.point).to(device), calibration_batches(c.lesson.train, c.seed))
    return int8_score(model, c, device, start)


@functools.lru_cache(maxsize=2)  # a process scores many slices of the same one
def _loaded(weights: Path, space: SearchSpace, classes: int, seconds: float) -> Supernet:
    net = Supernet(space, classes, seconds)
    net.load_state_dict(load_weights(weights))
    return net
