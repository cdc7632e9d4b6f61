"""A student with random weights, for measurements that do not depend on what it learned."""

from __future__ import annotations

import torch

from hwasc.models import build
from hwasc.models.student import Student
from hwasc.records.architecture import Architecture
from hwasc.training.quantization import calibrate, quantize

CLIPS = 4  # of noise, which the scales are taken from


def untrained_student(architecture: Architecture, seed: int = 0) -> Student:
    """Make an int8 student with random weights, calibrated on noise.

    Args:
        architecture: The architecture.
        seed: Of weights and noise; the state of other random numbers is left as it is.

    Returns:
        The student, ready to be exported.
    """
    fe = architecture.front_end
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        student = build(architecture).eval()
        return calibrate(quantize(student), [torch.randn(CLIPS, 1, fe.mels, fe.frames)], correct_bias=False)
