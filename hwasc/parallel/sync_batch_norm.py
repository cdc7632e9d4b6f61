"""Batch norm over several processes that each take a slice of every batch; their weights become those of one process.

Two things depend on the whole batch: the mean of the loss and the statistics of batch norm. Dropout and other draws differ
between processes, as they do from batch to batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def sync_batch_norms(model: nn.Module) -> Iterator[None]:
    """Let every batch norm of a model in training take its statistics over the slices of all processes, forward and backward.

    Works on any device and backend; torch's SyncBatchNorm needs a GPU.

    Args:
        model: The model; its own forward is restored afterwards.

    Yields:
        None.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    for norm in norms:
        norm.__dict__["forward"] = partial(_synchronised_forward, norm)  # found before the class's own
    try:
        yield
    finally:
        for norm in norms:
            del norm.__dict__["forward"]


def _synchronised_forward(norm: _BatchNorm, x: Tensor) -> Tensor:
    if not norm.training:
        return type(norm).forward(norm, x)
    weight = norm.weight if norm.affine else x.new_ones(norm.num_features)
    bias = norm.bias if norm.affine else x.new_zeros(norm.num_features)
    y, mean, variance, count = _SyncBatchNormFunction.apply(x, weight, bias, norm.eps)
    if norm.running_mean is not None and norm.running_var is not None and norm.num_batches_tracked is not None:
        with torch.no_grad():
            norm.num_batches_tracked += 1
            new = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
            norm.running_mean.lerp_(mean.to(norm.running_mean), new)
            unbiased = variance * (count / (count - 1))
            norm.running_var.lerp_(unbiased.to(norm.running_var), new)
    return y


class _SyncBatchNormFunction(torch.autograd.Function):
    """Ioffe and Szegedy (2015) with its sums over all processes: (B, C, ...) -> the same, mean, variance, count (float64)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        v = x if x.dtype == torch.float64 else x.float()
        axes = [d for d in range(v.ndim) if d != 1]
        count = torch.tensor([v.numel() // v.shape[1]], dtype=torch.float64, device=v.device)
        sums = _sum_over_ranks(torch.cat([v.sum(axes).double(), count]))
        count, mean = sums[-1], sums[:-1] / sums[-1]
        centred = v - _per_channel(mean, v)
        variance = _sum_over_ranks(centred.square().sum(axes).double()) / count
        inverse = torch.rsqrt(variance + eps)
        y = centred * _per_channel(inverse, v) * _per_channel(weight, v) + _per_channel(bias, v)
        saved = x, weight, mean, inverse, count
        ctx.save_for_backward(*saved)
        ctx.mark_non_differentiable(mean, variance, count)
        return y.to(x.dtype), mean, variance, count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, inverse, count = ctx.saved_tensors
        v = x if x.dtype == torch.float64 else x.float()
        g = gradients[0].to(v.dtype)
        axes = [d for d in range(v.ndim) if d != 1]
        normal = (v - _per_channel(mean, v)) * _per_channel(inverse, v)
        of_bias, of_weight = g.sum(axes), (g * normal).sum(axes)  # of this slice: gradients are summed later
        means = _sum_over_ranks(torch.stack([of_bias, of_weight]).double()) / count
        back = (g - _per_channel(means[0], v) - normal * _per_channel(means[1], v)) * _per_channel(inverse * weight, v)
        return back.to(x.dtype), of_weight.to(weight.dtype), of_bias.to(weight.dtype), None


def _per_channel(values: Tensor, x: Tensor) -> Tensor:
    """A value a channel, to be broadcast over x."""
    return values.to(x.dtype).view(1, -1, *[1] * (x.ndim - 2))


def _sum_over_ranks(sums: Tensor) -> Tensor:
    """The sum over all processes."""
    dist.all_reduce(sums)
    return sums
