"""Proxy `distillation`: a short ensemble distillation of weights of the candidate's own, then Brevitas int8, then accuracy."""

from __future__ import annotations

import time

import torch

from hwasc.models import student
from hwasc.search.job import Candidate, Score, int8_score
from hwasc.training.device import pick_device
from hwasc.training.distillation import distil


def score(candidate: Candidate) -> Score:
    """Train a candidate briefly from the seed, quantize and calibrate it, measure it on the validation clips."""
    start, c, device = time.monotonic(), candidate, pick_device(candidate.device)
    torch.manual_seed(c.seed)
    model = distil(student.build(c.proposal.architecture), c.lesson, c.train_settings, device, c.seed)
    return int8_score(model, c, device, start)
