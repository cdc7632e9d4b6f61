"""A training step's losses in lanes: the same gradients, to the bit, whether one process runs them or several share them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

PartialLosses = Sequence[Iterable[Tensor]]  # of one step; each lane's losses are computed when they are asked for


@contextmanager
def process_group(store: Path, rank: int, world: int) -> Iterator[None]:
    """This process as one of `world` that train the same model; they meet at a file that must not exist yet."""
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank_and_world() -> tuple[int, int]:
    """The number of this process among those that train together, and how many these are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def is_first_rank() -> bool:
    """Whether this process is the one that writes and reports."""
    return rank_and_world()[0] == 0


def broadcast_from_first(value: Any) -> Any:
    """What the first process holds, in all of them."""
    if rank_and_world()[1] == 1:
        return value
    word = [value]
    dist.broadcast_object_list(word, src=0, device=torch.device("cpu"))
    return word[0]


def backward(model: nn.Module, parts: PartialLosses) -> float:
    """Set every parameter's gradient to the sum over all lanes' losses and return that sum.

    With several processes (see `together`) each runs every so-manieth lane. A lane's gradients are summed up apart and then
    added to the others' in the lanes' order, so that rounding is the same for any number of processes up to that of lanes.
    A single lane is what each process makes of its own share of the clips (see `shares`); these are summed over processes.
    """
    rank, world = rank_and_world()
    if len(parts) == 1:
        loss = _run(parts[0])
        return loss if world == 1 else _summed(list(model.parameters()), loss)
    parameters = list(model.parameters())
    size = sum(p.numel() for p in parameters) + 1  # and the loss
    sums = torch.zeros(len(parts), size, device=parameters[0].device)
    for i in range(rank, len(parts), world):
        for p in parameters:
            p.grad = None
        loss = _run(parts[i])
        sums[i] = _flat(parameters, loss)
    if world > 1:
        dist.all_reduce(sums)  # every lane is another process's zeros: exact
    total = sums[0]
    for part in sums[1:]:
        total = total + part
    return _set(parameters, total)


def _summed(parameters: Sequence[nn.Parameter], loss: float) -> float:
    total = _flat(parameters, loss)
    dist.all_reduce(total)
    return _set(parameters, total)


def _flat(parameters: Sequence[nn.Parameter], loss: float) -> Tensor:
    """All gradients and the loss in one vector."""
    parts = [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
    return torch.cat([*parts, parts[0].new_tensor([loss])])


def _set(parameters: Sequence[nn.Parameter], total: Tensor) -> float:
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
