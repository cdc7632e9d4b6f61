"""A wider student that is initialised with the weights of a trained one."""

from __future__ import annotations

import torch

from hwasc.models.student import Student
from hwasc.records.architecture import Architecture


@torch.no_grad()
def widen_student(net: Student, wide: Architecture) -> Student:
    """A student of a wider architecture whose leading channels are those of a trained net.

    New channels start at random; the weights by which old channels read new ones start at zero (after Net2Net, Chen et al.,
    2016). So the wider student computes the same logits, except with GRN, whose mean is also over the new channels.

    Args:
        net: A trained float student.
        wide: An architecture of the same wiring, in which no width is smaller than the net's.

    Returns:
        The wider student, on the net's device.
    """
    wider, old = Student(wide), net.state_dict()
    for name, tensor in wider.state_dict().items():
        trained = old[name]
        if tensor.dim() == 4:  # a convolution's (outputs, inputs, k, k)
            tensor[: len(trained), trained.shape[1] :] = 0
        tensor[tuple(slice(n) for n in trained.shape)] = trained
    return wider.to(next(net.parameters()).device)
