"""Proxy `distillation`: a short ensemble distillation of weights of the candidate's own, then its score."""

from __future__ import annotations

import time

import torch

from hwasc.models import student
from hwasc.nas.job import Candidate, Score, measured_score
from hwasc.nas.proxies.supernet import slice_student
from hwasc.parallel.device import pick_device
from hwasc.training.distillation import train_student


def score(candidate: Candidate) -> Score:
    """Train a candidate briefly and measure it on validation clips, quantized and calibrated unless the job says otherwise.

    It starts from its slice of the job's supernet, or, where none is named, from scratch by the seed.
    """
    start, c, device = time.monotonic(), candidate, pick_device(candidate.device)
    torch.manual_seed(c.seed)
    model = student.build(c.proposal.architecture) if c.supernet is None else slice_student(c)
    trained = train_student(model, c.data, c.train_settings, device=device, seed=c.seed)
    return measured_score(trained, c, device, start)
