"""Exponential averages of weights over the steps of a training, and batch norm's statistics for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class WeightAverage:
    """The exponential average of a model's weights.

    After t steps the average keeps min(1 - 1 / steps, (1 + t) / (10 + t)) of itself in the next one: early on it hardly looks
    back, so that the first weights do not count. Source: the average that Mean teachers use, Tarvainen and Valpola, 2017.

    Args:
        model: Its weights of now are the first average.
        steps: Time constant in steps, 1 at least.
    """

    def __init__(self, model: nn.Module, steps: float) -> None:
        self.decay = 1 - 1 / max(steps, 1.0)
        self.taken = 0
        self.weights = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after one more step."""
        keep = min(self.decay, (1 + self.taken) / (10 + self.taken))
        self.taken += 1
        for name, p in model.named_parameters():
            if name in self.weights:
                self.weights[name].lerp_(p.detach(), 1 - keep)
            else:  # Brevitas makes a parameter of its statistics after some steps
                self.weights[name] = p.detach().clone()

    @torch.no_grad()
    def put_into(self, model: nn.Module) -> None:
        """Replace a model's weights by their averages."""
        for name, p in model.named_parameters():
            p.copy_(self.weights[name])

    def state(self) -> dict[str, Tensor | int]:
        """What a checkpoint has to hold."""
        return {"taken": self.taken, **self.weights}

    def load(self, state: dict[str, Tensor | int]) -> None:
        """Go on from a checkpoint."""
        self.taken = int(state.pop("taken"))
        self.weights = {
            name: value.to(self.weights[name].device) if name in self.weights else value
            for name, value in state.items()
            if isinstance(value, Tensor)
        }


@contextmanager
def statistics_anew(model: nn.Module) -> Iterator[bool]:
    """Let batch norms forget their statistics, and take the plain mean over the batches that run inside the block.

    Args:
        model: Changed in place; it is in training mode inside the block.

    Yields:
        Whether there is any batch norm: without one no batch needs to run.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None
    model.train()
    try:
        yield bool(norms)
    finally:
        for m, momentum in zip(norms, momenta, strict=True):
            m.momentum = momentum


@torch.no_grad()
def run_through(losses: Iterable[Iterable[Iterable[Tensor]]]) -> None:
    """Compute losses without training on them."""
    for step in losses:
        for part in step:
            for _ in part:
                pass
