"""Proxy `supernet`: a slice of the shared weights, a few steps of its own, its batch norm recalibrated, then its score."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from pathlib import Path

from hwasc.models.student import Student
from hwasc.models.supernet import Supernet, recalibrate
from hwasc.nas.job import Candidate, Score, calibration_batches, limit_steps, measured_score
from hwasc.parallel.device import pick_device
from hwasc.records.space import SearchSpace
from hwasc.records.train_settings import TrainSettings
from hwasc.training.distillation import train_student
from hwasc.training.weights import load_weights

CLIPS = 64  # that activation scales are set on: thousands of slices are scored
NORM_CLIPS = 128  # that batch norm is set on for a score
# of a slice's own steps: the rate of the shared weights, on clean clips as they had
RATE, WEIGHT_DECAY = 1e-2, 1e-3


def score(candidate: Candidate) -> Score:
    """Slice, train for the job's steps, recalibrate, measure on validation clips, quantized unless the job says otherwise.

    What candidates share hides how far each can go; a few steps of their own begin to show it. Batch norm is set after them: its
    running mean over their few clips is noisy.
    """
    start, c, device = time.monotonic(), candidate, pick_device(candidate.device)
    student = _sliced(c)
    if c.steps:
        train_student(
            student,
            *limit_steps(replace(c.data, augment=None), TrainSettings(1, c.batch, RATE, WEIGHT_DECAY), c.steps, c.seed),
            device=device,
            seed=c.seed,
        )
    recalibrate(student, calibration_batches(c.data.train, c.seed, NORM_CLIPS))
    return measured_score(student, c, device, start, clips=CLIPS, float_too=False)


def slice_student(candidate: Candidate) -> Student:
    """The candidate's slice as a student of its own, on the job's device, its batch norm set on training clips."""
    return recalibrate(_sliced(candidate), calibration_batches(candidate.data.train, candidate.seed))


def _sliced(c: Candidate) -> Student:
    assert c.supernet is not None
    net = _loaded(c.supernet.weights, c.supernet.space, c.proposal.architecture.classes, c.supernet.seconds)
    return net.student(c.proposal.point).to(pick_device(c.device))


@functools.lru_cache(maxsize=2)  # a process scores many slices of the same one
def _loaded(weights: Path, space: SearchSpace, classes: int, seconds: float) -> Supernet:
    net = Supernet(space, classes, seconds)
    net.load_state_dict(load_weights(weights))
    return net
