"""Batch norm folded into the convolution before it."""

from __future__ import annotations

import torch
from torch import Tensor

from hwasc.models.blocks import ConvUnit


@torch.no_grad()
def folded(unit: ConvUnit) -> tuple[Tensor, Tensor]:
    """Fold a unit's batch norm, in eval mode, into its convolution.

    Args:
        unit: A float unit.

    Returns:
        Weight (outputs, inputs / groups, k, k) and bias (outputs,) of the one convolution that computes the same.
    """
    bn = unit.bn
    assert bn.running_var is not None and bn.running_mean is not None
    gain = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return unit.conv.weight * gain.reshape(-1, 1, 1, 1), bn.bias - bn.running_mean * gain
