"""A wider student that starts out as a trained one."""

from __future__ import annotations

import torch

from hwasc.models.student import Student
from hwasc.records.architecture import Architecture


@torch.no_grad()
def grow(net: Student, wide: Architecture) -> Student:
    """A student of the wider architecture whose leading channels are the net's: it computes the same, but for GRN, whose mean
    goes over the new channels too. On the net's device.

    New channels start at random, and what the old ones take from them at zero (after Net2Net, Chen et al., 2016). `wide` has the
    net's wiring and no width below its own.
    """
    grown, old = Student(wide), net.state_dict()
    for name, tensor in grown.state_dict().items():
        kept = old[name]
        if tensor.dim() == 4:  # a convolution's (outputs, inputs, k, k)
            tensor[: len(kept), kept.shape[1] :] = 0
        tensor[tuple(slice(n) for n in kept.shape)] = kept
    return grown.to(next(net.parameters()).device)
