"""One batch over several processes: each takes its share of the clips, and all come to the weights of one process.

What does not come clip by clip is taken over the whole batch: the loss's mean, and batch norm's statistics. Dropout and the
like draw in every process anew, as they do from batch to batch.
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
    """Every batch norm of a model in training takes its statistics over all processes' shares, forward and backward.

    On any device and backend; torch's SyncBatchNorm needs a GPU.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    for norm in norms:
        norm.__dict__["forward"] = partial(_normalised, norm)  # found before the class's own
    try:
        yield
    finally:
        for norm in norms:
            del norm.__dict__["forward"]


def _normalised(norm: _BatchNorm, x: Tensor) -> Tensor:
    if not norm.training:
        return type(norm).forward(norm, x)
    weight = norm.weight if norm.affine else x.new_ones(norm.num_features)
    bias = norm.bias if norm.affine else x.new_zeros(norm.num_features)
    y, mean, variance, count = _WholeBatch.apply(x, weight, bias, norm.eps)
    if norm.running_mean is not None and norm.running_var is not None and norm.num_batches_tracked is not None:
        with torch.no_grad():
            norm.num_batches_tracked += 1
            new = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
            norm.running_mean.lerp_(mean.to(norm.running_mean), new)
            unbiased = variance * (count / (count - 1))
            norm.running_var.lerp_(unbiased.to(norm.running_var), new)
    return y


class _WholeBatch(torch.autograd.Function):
    """Ioffe and Szegedy (2015) with its sums over all processes: (B, C, ...) -> the same, mean, variance, count (float64)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        v = x if x.dtype == torch.float64 else x.float()
        axes = [d for d in range(v.ndim) if d != 1]
        count = torch.tensor([v.numel() // v.shape[1]], dtype=torch.float64, device=v.device)
        sums = _everywhere(torch.cat([v.sum(axes).double(), count]))
        count, mean = sums[-1], sums[:-1] / sums[-1]
        centred = v - _along(mean, v)
        variance = _everywhere(centred.square().sum(axes).double()) / count
        inverse = torch.rsqrt(variance + eps)
        y = centred * _along(inverse, v) * _along(weight, v) + _along(bias, v)
        ctx.save_for_backward(x, weight, mean, inverse, count)
        ctx.mark_non_differentiable(mean, variance, count)
        return y.to(x.dtype), mean, variance, count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, inverse, count = ctx.saved_tensors
        v = x if x.dtype == torch.float64 else x.float()
        g = gradients[0].to(v.dtype)
        axes = [d for d in range(v.ndim) if d != 1]
        normal = (v - _along(mean, v)) * _along(inverse, v)
        of_bias, of_weight = g.sum(axes), (g * normal).sum(axes)  # of this share: gradients are summed up later
        means = _everywhere(torch.stack([of_bias, of_weight]).double()) / count
        back = (g - _along(means[0], v) - normal * _along(means[1], v)) * _along(inverse * weight, v)
        return back.to(x.dtype), of_weight.to(weight.dtype), of_bias.to(weight.dtype), None


def _along(values: Tensor, x: Tensor) -> Tensor:
    """A value a channel, to be broadcast over x."""
    return values.to(x.dtype).view(1, -1, *[1] * (x.ndim - 2))


def _everywhere(sums: Tensor) -> Tensor:
    """The sum over all processes."""
    dist.all_reduce(sums)
    return sums
