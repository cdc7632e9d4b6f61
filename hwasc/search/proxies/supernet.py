"""Proxy `supernet`: a slice of the shared weights, its batch norm recalibrated, then Brevitas int8, then accuracy."""

from __future__ import annotations

import functools
import time
from pathlib import Path

from hwasc.models.student import Student
from hwasc.models.supernet import Supernet, recalibrate
from hwasc.records.space import SearchSpace
from hwasc.search.job import Candidate, Score, calibration_batches, int8_score
from hwasc.training.device import pick_device
from hwasc.training.weights import load_weights

CLIPS = 128  # that activation scales are set on: thousands of slices are scored


def score(candidate: Candidate) -> Score:
    """Slice, recalibrate, quantize, measure on the validation clips: no training, unless the job asks for QAT steps."""
    start, c = time.monotonic(), candidate
    return int8_score(inherited(c), c, pick_device(c.device), start, clips=CLIPS)


def inherited(candidate: Candidate) -> Student:
    """The candidate's slice as a student of its own, on the job's device, its batch norm set on training clips."""
    c = candidate
    assert c.supernet is not None
    net = _loaded(c.supernet.weights, c.supernet.space, c.proposal.architecture.classes, c.supernet.seconds)
    student = net.student(c.proposal.point).to(pick_device(c.device))
    return recalibrate(student, calibration_batches(c.lesson.train, c.seed))


@functools.lru_cache(maxsize=2)  # a process scores many slices of the same one
def _loaded(weights: Path, space: SearchSpace, classes: int, seconds: float) -> Supernet:
    net = Supernet(space, classes, seconds)
    net.load_state_dict(load_weights(weights))
    return net
