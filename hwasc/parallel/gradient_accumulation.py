"""The losses of a training step in parts: one process or several compute them, with the same gradients to the bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

PartialLosses = Sequence[Iterable[Tensor]]  # the parts of one step; a part's losses are computed as it is iterated over


@contextmanager
def process_group(store: Path, rank: int, world: int) -> Iterator[None]:
    """Join the processes that train one model.

    Args:
        store: File through which they find each other; it must not exist yet.
        rank: Number of this process, from 0.
        world: Number of processes.

    Yields:
        None.
    """
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank_and_world() -> tuple[int, int]:
    """Return the number of this process among those that train together, from 0, and how many these are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def is_first_rank() -> bool:
    """Return whether this process is the one that writes files and reports."""
    return rank_and_world()[0] == 0


def broadcast_from_first(value: Any) -> Any:
    """Send a value from the first process to all.

    Args:
        value: Picklable; what other processes pass is ignored.

    Returns:
        The first process's value.
    """
    if rank_and_world()[1] == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0, device=torch.device("cpu"))
    return values[0]


def backward(model: nn.Module, parts: PartialLosses) -> float:
    """Set every parameter's gradient to that of the sum of all losses.

    With several parts, process r of n (see `process_group`) computes parts r, r + n, ... The gradients of each part are summed
    by themselves, and then added in the order of the parts. So rounding does not depend on the number of processes, up to the
    number of parts. A single part differs between processes: it holds the losses of the process's own slice of the batch (see
    `sync_batch_norm`), and its gradients are summed over the processes.

    Args:
        model: The model.
        parts: The losses of one step.

    Returns:
        The sum of all losses.
    """
    rank, world = rank_and_world()
    if len(parts) == 1:
        loss = _run(parts[0])
        return loss if world == 1 else _sum_over_ranks(list(model.parameters()), loss)
    parameters = list(model.parameters())
    size = sum(p.numel() for p in parameters) + 1  # and the loss
    sums = torch.zeros(len(parts), size, device=parameters[0].device)
    for i in range(rank, len(parts), world):
        for p in parameters:
            p.grad = None
        loss = _run(parts[i])
        sums[i] = _flatten(parameters, loss)
    if world > 1:
        dist.all_reduce(sums)  # each part is zero in all processes but one: exact
    total = sums[0]
    for part in sums[1:]:
        total = total + part
    return _set_gradients(parameters, total)


def _sum_over_ranks(parameters: Sequence[nn.Parameter], loss: float) -> float:
    total = _flatten(parameters, loss)
    dist.all_reduce(total)
    return _set_gradients(parameters, total)


def _flatten(parameters: Sequence[nn.Parameter], loss: float) -> Tensor:
    """All gradients and the loss in one vector."""
    parts = [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
    return torch.cat([*parts, parts[0].new_tensor([loss])])


def _set_gradients(parameters: Sequence[nn.Parameter], total: Tensor) -> float:
    start = 0
    for p in parameters:
        p.grad = total[start : start + p.numel()].view(p.shape).to(p.device)
        start += p.numel()
    return float(total[-1])


def _run(part: Iterable[Tensor]) -> float:
    total = 0.0
    for loss in part:
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total
